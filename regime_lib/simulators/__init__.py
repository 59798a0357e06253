"""Exact small worlds in NumPy and SciPy: networks so small that their training can be solved."""

from __future__ import annotations

from regime_lib.simulators.deep_linear import (
    LinearTask,
    gram_differences,
    product,
    speed,
    velocity,
)
from regime_lib.simulators.deep_linear_adjacency import adjacency, adjacency_velocity
from regime_lib.simulators.deep_linear_critical import (
    chain_points,
    critical_values,
    find_critical_point,
    stairs,
)
from regime_lib.simulators.deep_linear_descent import gradient_descent
from regime_lib.simulators.deep_linear_flow import FlowPath, gradient_flow, settle
from regime_lib.simulators.deep_linear_hessian import exact_inertia, hessian
from regime_lib.simulators.deep_linear_quotient import change_basis, fibre_dimension
from regime_lib.simulators.deep_linear_stairs import find_plateaus, match_plateaus
from regime_lib.simulators.deep_linear_starts import (
    aligned_start,
    balanced_start,
    decoupled_start,
    random_start,
)

__all__ = [
    "FlowPath",
    "LinearTask",
    "adjacency",
    "adjacency_velocity",
    "aligned_start",
    "balanced_start",
    "chain_points",
    "change_basis",
    "critical_values",
    "decoupled_start",
    "exact_inertia",
    "fibre_dimension",
    "find_critical_point",
    "find_plateaus",
    "gradient_descent",
    "gradient_flow",
    "gram_differences",
    "hessian",
    "match_plateaus",
    "product",
    "random_start",
    "settle",
    "speed",
    "stairs",
    "velocity",
]
