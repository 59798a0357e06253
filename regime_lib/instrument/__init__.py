"""Attach it to any PyTorch model: capture activation patterns, follow them, and time them."""

from regime_lib.instrument.activations import Fields, read_fields
from regime_lib.instrument.affinity import SecondDifferences, second_differences
from regime_lib.instrument.attacks import Attacks, attack
from regime_lib.instrument.basins import Basins, sample_basins, weight_basins
from regime_lib.instrument.coverage import Coverage, Layer, Unseen
from regime_lib.instrument.definitions import Definition, TimeScale
from regime_lib.instrument.flip_law import FlipStatistics, flip_law
from regime_lib.instrument.kinks import Kind
from regime_lib.instrument.order import OrderPreservation, order_preservation
from regime_lib.instrument.radius import Certificate, certify
from regime_lib.instrument.ranks import RankDistribution, rank_distribution, rank_distributions
from regime_lib.instrument.regime_change import RegimeChange, regime_change, run_ratios
from regime_lib.instrument.segment import StepCertificate, certify_step
from regime_lib.instrument.substitution import (
    LinearSubstitute,
    SubstitutionMap,
    substitution_map,
)
from regime_lib.instrument.timescales import time_scale
from regime_lib.instrument.trace import Trace
from regime_lib.instrument.tracker import RegimeTracker

__all__ = [
    "Attacks",
    "Basins",
    "Certificate",
    "Coverage",
    "Definition",
    "Fields",
    "FlipStatistics",
    "Kind",
    "Layer",
    "LinearSubstitute",
    "OrderPreservation",
    "RankDistribution",
    "RegimeChange",
    "RegimeTracker",
    "SecondDifferences",
    "StepCertificate",
    "SubstitutionMap",
    "TimeScale",
    "Trace",
    "Unseen",
    "attack",
    "certify",
    "certify_step",
    "flip_law",
    "order_preservation",
    "rank_distribution",
    "rank_distributions",
    "read_fields",
    "regime_change",
    "run_ratios",
    "sample_basins",
    "second_differences",
    "substitution_map",
    "time_scale",
    "weight_basins",
]
