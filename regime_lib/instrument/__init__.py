"""Attach it to any PyTorch model: capture activation patterns, follow them, and time them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regime_lib._lazy import attach

if TYPE_CHECKING:
    from regime_lib.instrument.capture.coverage import Coverage, Layer, Unseen
    from regime_lib.instrument.capture.operators import Kind
    from regime_lib.instrument.certificates.attacks import Attacks, attack
    from regime_lib.instrument.certificates.path import StepCertificate, certify_step
    from regime_lib.instrument.certificates.radius import Certificate, certify
    from regime_lib.instrument.certificates.second_differences import (
        SecondDifferences,
        second_differences,
    )
    from regime_lib.instrument.freezing.frozen import FrozenPatterns, freeze_patterns
    from regime_lib.instrument.freezing.paths import path_features, path_weights
    from regime_lib.instrument.freezing.stored import StoredPatterns
    from regime_lib.instrument.modes.basins import Basins, sample_basins, weight_basins
    from regime_lib.instrument.modes.order import OrderPreservation, order_preservation
    from regime_lib.instrument.modes.preactivations import PreActivations, read_preactivations
    from regime_lib.instrument.modes.preactivations import read_preactivations as read_fields  # noqa: F401 - its former name
    from regime_lib.instrument.modes.ranks import (
        RankDistribution,
        rank_distribution,
        rank_distributions,
    )
    from regime_lib.instrument.modes.substitution import (
        LinearSubstitute,
        SubstitutionMap,
        substitution_map,
    )
    from regime_lib.instrument.settling.definitions import Definition, TimeScale
    from regime_lib.instrument.settling.freeze_advice import FreezeAdvice, freeze_advice
    from regime_lib.instrument.settling.regime_change import RegimeChange, regime_change, run_ratios
    from regime_lib.instrument.settling.timescales import time_scale
    from regime_lib.instrument.tracking.averages import WeightAverage
    from regime_lib.instrument.tracking.checkpoints import trace_checkpoints
    from regime_lib.instrument.tracking.edge_of_stability import (
        EdgeOfStability,
        edge_of_stability,
    )
    from regime_lib.instrument.tracking.flip_law import FlipStatistics, flip_law
    from regime_lib.instrument.tracking.merging import merge_parts
    from regime_lib.instrument.tracking.net_flips import NetFlips, flips_per_net_flip
    from regime_lib.instrument.tracking.quantities import QUANTITIES
    from regime_lib.instrument.tracking.quantities.base import (
        DirectionQuantity,
        EndQuantity,
        PatternQuantity,
        Quantity,
        StateQuantity,
        WeightQuantity,
    )
    from regime_lib.instrument.tracking.quantities.oui import draw_pairs
    from regime_lib.instrument.tracking.trace import Trace
    from regime_lib.instrument.tracking.tracker import RegimeTracker

__all__ = [
    "QUANTITIES",
    "Attacks",
    "Basins",
    "Certificate",
    "Coverage",
    "Definition",
    "DirectionQuantity",
    "EdgeOfStability",
    "EndQuantity",
    "FlipStatistics",
    "FreezeAdvice",
    "FrozenPatterns",
    "Kind",
    "Layer",
    "LinearSubstitute",
    "NetFlips",
    "OrderPreservation",
    "PatternQuantity",
    "PreActivations",
    "Quantity",
    "RankDistribution",
    "RegimeChange",
    "RegimeTracker",
    "SecondDifferences",
    "StateQuantity",
    "StepCertificate",
    "StoredPatterns",
    "SubstitutionMap",
    "TimeScale",
    "Trace",
    "Unseen",
    "WeightAverage",
    "WeightQuantity",
    "attack",
    "certify",
    "certify_step",
    "draw_pairs",
    "edge_of_stability",
    "flip_law",
    "flips_per_net_flip",
    "freeze_advice",
    "freeze_patterns",
    "merge_parts",
    "order_preservation",
    "path_features",
    "path_weights",
    "rank_distribution",
    "rank_distributions",
    "read_preactivations",
    "regime_change",
    "run_ratios",
    "sample_basins",
    "second_differences",
    "substitution_map",
    "time_scale",
    "trace_checkpoints",
    "weight_basins",
]

__getattr__, __dir__ = attach(__name__, __file__)
