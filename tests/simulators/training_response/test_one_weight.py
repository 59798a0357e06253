"""The one-weight system: closed forms against an ODE solver, the map, and limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import logit

from regime_lib.simulators.training_response.one_weight import OneWeight
from tests.companion.refusals import refused

CASES = list(itertools.product(("cross-entropy", "squared"), (1.0, 0.9, 0.6, 0.2)))


@pytest.mark.parametrize(("loss", "target"), CASES)
@pytest.mark.parametrize("u", [0.0, -1.5, 2.5])
def test_the_closed_form_is_the_flow(loss: str, target: float, u: float) -> None:
    system = OneWeight(0.7, 1.3, target, loss)  # type: ignore[arg-type]
    times = np.array([0.0, 0.5, 4.0, 60.0])
    exact = solve_ivp(
        lambda _, x: system.speed * system.error(x),
        (0, 60),
        [u],
        t_eval=times,
        rtol=1e-11,
        atol=1e-12,
    ).y[0]
    assert np.allclose(system.flow(times, u), exact, atol=1e-7)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(CASES),
    st.floats(-3, 3),
    st.floats(0.05, 3),
    st.floats(0.1, 50),
)
def test_elapsed_undoes_the_flow(
    case: tuple[str, float], start: float, speed: float, time: float
) -> None:
    loss, target = case
    system = OneWeight(speed, 1.0, target, loss)  # type: ignore[arg-type]
    if target < 1 and abs(start - logit(target)) < 1e-3:
        return
    u = system.flow(np.array([time]), start)
    if target < 1 and abs(u[0] - logit(target)) < 1e-9:
        return  # arrived: the logarithm of the distance has no digits left
    passed = system.elapsed(u) - system.elapsed(np.array([start]))
    assert passed[0] == pytest.approx(speed * time, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("loss", "target"), CASES)
def test_the_map_takes_the_same_error_as_the_flow(loss: str, target: float) -> None:
    system = OneWeight(2.0, 1.0, target, loss)  # type: ignore[arg-type]
    for u in (-900.0, -3.0, 0.0, 0.7, 40.0, 900.0):
        step = system.simulate(1, u)[1] - u
        assert step == pytest.approx(2 * system.error(np.array([u]))[0], abs=1e-12)


def test_the_map_by_hand() -> None:
    path = OneWeight(2.0, 1.0).simulate(2)
    assert path == pytest.approx([0, 1, 1 + 2 / (1 + np.e)])


def test_the_map_tends_to_the_flow_as_the_rate_falls() -> None:
    errors = []
    for rate in (0.1, 0.05):
        system = OneWeight(rate=rate)
        steps = round(20 / rate)
        errors.append(np.abs(system.simulate(steps) - system.flow(np.arange(steps + 1.0))).max())
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


def test_only_rate_times_squared_slope_matters() -> None:
    first, second = OneWeight(0.9, 1.0).simulate(50), OneWeight(0.1, 3.0).simulate(50)
    assert np.allclose(first, second, rtol=1e-12)


def test_a_start_at_the_target_stays_there() -> None:
    assert np.allclose(
        OneWeight(target=0.3).flow(np.array([0.0, 9.0]), float(logit(0.3))), logit(0.3)
    )


def test_settings_out_of_range_are_refused() -> None:
    with refused("slope"):
        OneWeight(slope=0.0)
    with refused("target"):
        OneWeight(target=1.2)
    with refused("negative"):
        OneWeight().flow(np.array([-1.0]))
