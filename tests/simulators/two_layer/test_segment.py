"""The closed form between events against numerical integration of its own equations."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from regime_lib.simulators.two_layer.segment import Segment

counts = st.sampled_from([0.0, 0.02, 1.0, 7.5, 300.0])
segments = st.builds(
    Segment,
    p1=counts,
    p2=counts,
    q=st.just(0.0),
    ratio=st.floats(1e-3, 1e3),
    f_plus=st.floats(-2, 4),
    f_minus=st.floats(-2, 2),
    pace=st.just(1.0),
)
SLOPES = [(1.0, 0.9), (0.9, 1.0), (-1.0, -0.9), (-0.9, -1.0), (-0.9, 0.0), (0.0, 1.0), (1.0, 0.0)]
SHARED = st.sampled_from([0.0, 0.5, 40.0])


def mixed(segment: Segment, both: float) -> Segment:
    """Add neurons that are active on both inputs, as the flow does: q <= p1, p2."""
    return Segment(
        segment.p1 + both, segment.p2 + both, 0.99 * both,
        segment.ratio, segment.f_plus, segment.f_minus, segment.pace,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(segments, SHARED, st.floats(0.01, 5))
def test_both_clocks_and_the_ratio_solve_the_logistic_equation(
    segment: Segment, both: float, x: float
) -> None:
    segment = mixed(segment, both)
    tau = x / (segment.k1 + segment.k2 * segment.ratio + 1)
    found = solve_ivp(
        lambda _, y: [y[0] * (segment.k1 - segment.k2 * y[0]), y[0]],
        (0, tau), [segment.ratio, 0.0], method="LSODA", rtol=1e-10, atol=1e-13,
    )  # fmt: skip
    assert segment.ratio_at(tau) == pytest.approx(found.y[0, -1], rel=1e-7)
    assert segment.sigma(tau) == pytest.approx(found.y[1, -1], rel=1e-7)
    assert segment.sigmas(np.array([tau]))[0] == pytest.approx(segment.sigma(tau), rel=1e-13)


@settings(max_examples=40, deadline=None)
@given(segments, SHARED, st.floats(0.01, 200))
def test_time_is_the_quadrature_and_its_inverse(segment: Segment, both: float, x: float) -> None:
    segment = mixed(segment, both)
    tau = x / (segment.k1 + segment.k2 * segment.ratio + 1)

    def pace(s: float) -> float:
        return math.exp(segment.f_plus + segment.p1 * s - segment.q * segment.sigma(s))

    edges = np.concatenate([[0], tau * np.geomspace(1e-4, 1, 40)])
    truth = sum(quad(pace, a, b, epsrel=1e-11, epsabs=0)[0] for a, b in pairwise(edges))
    elapsed = segment.elapsed(np.array([tau]))
    assert elapsed[0] == pytest.approx(truth, rel=1e-9)
    assert segment.elapsed_at(tau) == pytest.approx(truth, rel=1e-9)
    assert segment.tau_after(elapsed)[0] == pytest.approx(tau, rel=1e-8)


@settings(max_examples=40, deadline=None)
@given(segments, SHARED, st.floats(0.01, 20))
def test_clocks_and_ratios_are_inverted(segment: Segment, both: float, x: float) -> None:
    segment = mixed(segment, both)
    tau = x / (segment.k1 + segment.k2 * segment.ratio + 1)
    assert segment.tau_of_sigma(segment.sigma(tau)) == pytest.approx(tau, rel=1e-6)
    ratio = segment.ratio_at(tau)
    if abs(ratio / segment.ratio - 1) > 1e-3 and abs(ratio - segment.limit) > 1e-3 * ratio:
        assert segment.tau_of_ratio(ratio) == pytest.approx(tau, rel=1e-6)
    assert math.isinf(segment.tau_of_ratio(2 * max(segment.ratio, segment.limit)))


@settings(max_examples=60, deadline=None)
@given(
    segments, SHARED, st.floats(1e-3, 2), st.sampled_from(SLOPES),
)  # fmt: skip
def test_the_first_zero_is_the_first_sign_change_on_a_fine_grid(
    segment: Segment, both: float, level: float, slopes: tuple[float, float]
) -> None:
    segment = mixed(segment, both)
    along, against = slopes
    end = 30 / (segment.k1 + segment.k2 + 1)
    grid = np.linspace(0, end, 20_001)
    heights = level + along * grid - against * segment.sigmas(grid)
    below = np.flatnonzero(heights <= 0)
    found = segment.first_zero(level, along, against, end)
    if len(below):
        assert grid[below[0] - 1] * (1 - 1e-9) <= found <= grid[below[0]] * (1 + 1e-9)
    elif math.isfinite(found):
        assert found >= end * (1 - 1e-9) or heights.min() < 1e-3 * level


def test_a_group_that_was_just_released_does_not_fall_back() -> None:
    c = math.cos(0.1)
    segment = Segment(p1=5.0, p2=2.0, q=1.9, ratio=1 / c, f_plus=0.0, f_minus=0.0, pace=1.0)
    assert segment.limit > 1 / c  # r goes on rising, so negative neurons leave u = 0 for good
    assert math.isinf(segment.first_zero(0.0, -1.0, -c, math.inf))
