"""Exact small worlds in NumPy and SciPy: networks so small that their training can be solved."""

from __future__ import annotations

from regime_lib.simulators.two_layer import Neurons, TwoPoints, even_neurons, random_neurons
from regime_lib.simulators.two_layer_descent import Descent, descend, survivors
from regime_lib.simulators.two_layer_flow import Flow, Pattern
from regime_lib.simulators.two_layer_ivp import Integration, integrate
from regime_lib.simulators.two_layer_phases import (
    Phases,
    Plateau,
    largest_angle,
    living_at,
    log_slope,
    measure_phases,
    measure_plateau,
    participation_ratio,
    pattern_counts,
)
from regime_lib.simulators.two_layer_solver import exact_flow

__all__ = [
    "Descent",
    "Flow",
    "Integration",
    "Neurons",
    "Pattern",
    "Phases",
    "Plateau",
    "TwoPoints",
    "descend",
    "even_neurons",
    "exact_flow",
    "integrate",
    "largest_angle",
    "living_at",
    "log_slope",
    "measure_phases",
    "measure_plateau",
    "participation_ratio",
    "pattern_counts",
    "random_neurons",
    "survivors",
]
