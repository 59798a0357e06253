"""Attach it to any PyTorch model: capture activation patterns, follow them, and time them."""

from regime_lib.instrument.affinity import SecondDifferences, second_differences
from regime_lib.instrument.attacks import Attacks, attack
from regime_lib.instrument.averages import WeightAverage
from regime_lib.instrument.coverage import Coverage, Layer, Unseen
from regime_lib.instrument.definitions import Definition, TimeScale
from regime_lib.instrument.flip_law import FlipStatistics, flip_law
from regime_lib.instrument.kinks import Kind
from regime_lib.instrument.net_flips import NetFlips, flips_per_net_flip
from regime_lib.instrument.oui import draw_pairs
from regime_lib.instrument.radius import Certificate, certify
from regime_lib.instrument.regime_change import RegimeChange, regime_change, run_ratios
from regime_lib.instrument.segment import StepCertificate, certify_step
from regime_lib.instrument.timescales import time_scale
from regime_lib.instrument.trace import Trace
from regime_lib.instrument.tracker import RegimeTracker

__all__ = [
    "Attacks",
    "Certificate",
    "Coverage",
    "Definition",
    "FlipStatistics",
    "Kind",
    "Layer",
    "NetFlips",
    "RegimeChange",
    "RegimeTracker",
    "SecondDifferences",
    "StepCertificate",
    "TimeScale",
    "Trace",
    "Unseen",
    "WeightAverage",
    "attack",
    "certify",
    "certify_step",
    "draw_pairs",
    "flip_law",
    "flips_per_net_flip",
    "regime_change",
    "run_ratios",
    "second_differences",
    "time_scale",
]
