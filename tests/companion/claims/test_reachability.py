"""A criterion that cannot come out either way is found, whatever makes it so."""

from __future__ import annotations

from typing import Any

import pytest

from regime_lib.companion.claims.claims import PAPERS, Claim, Criterion, Definition, Kind, Source
from regime_lib.companion.claims.criteria import Range
from regime_lib.companion.claims.ledger import Measurement, as_measurement
from regime_lib.companion.claims.reachability import unreachable
from regime_lib.estimate import Estimate, Method, bounded, no_number, number, proportion


def claim(
    allowed: str, domain: str = "(-inf, inf)", kind: Kind = Kind.EMPIRICAL, **more: Any
) -> Claim:
    unit = more.pop("unit", "1")
    return Claim(
        id="rc-planted",
        paper=PAPERS["regime-change"],
        where="nowhere",
        chapter="10_tiny",
        statement="It holds.",
        kind=kind,
        source=Source.FOUND,
        definition=Definition.OURS,
        quantity="a number",
        unit=unit,
        domain=Range(domain),
        criterion=Criterion(Range(allowed), **more),
    )


def measured(of: Claim, estimate: Estimate) -> Measurement:
    return as_measurement(of, estimate)


def between(low: float, high: float, method: Method, n: int | None = 16) -> Estimate:
    return Estimate((low + high) / 2, low, high, n, "runs", method)


@pytest.mark.parametrize(("n", "reached"), [(12, False), (16, False), (17, True), (60, True)])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_few_trials_never_fits_a_narrow_range(
    n: int, reached: bool, share: float
) -> None:
    # all of n: the lower end of Clopper and Pearson is 0.025 ** (1 / n); 0.79 at 16, 0.805 at 17
    assert (0.025 ** (1 / n) >= 0.8) is reached
    of = claim("[0.8, 1]", "[0, 1]")
    said = unreachable(of, measured(of, proportion(round(share * n), n, over="runs")))
    assert (said is None) is reached
    if said:
        assert said.startswith("rc-planted can hardly be reproduced (0%")
        assert "[0.8, 1]" in said
        assert f"n = {n}" in said
        assert "\n" not in said


def test_shares_in_percent_are_shares() -> None:
    of = claim("[0, 10]", "[0, 100]", unit="%")
    for n, reached in ((15, False), (40, True)):  # none of n: up to 1 - 0.025 ** (1 / n)
        assert (100 * (1 - 0.025 ** (1 / n)) <= 10) is reached
        found = measured(of, proportion(1, n, over="runs", unit="%"))
        assert (unreachable(of, found) is None) is reached


@pytest.mark.parametrize(
    ("allowed", "domain", "more", "words"),
    [
        ("[0, 1]", "[0, 1]", {}, "can never be not reproduced"),
        ("(-inf, inf)", "(-inf, inf)", {}, "can never be not reproduced"),
        ("[2, 3]", "[0, 1]", {}, "can never be reproduced"),
        ("(0, 1]", "[-1, 0]", {}, "can never be reproduced"),
        ("[0, 0.1]", "[0, inf)", {"stronger": "below"}, "can never be more than claimed"),
        ("[2, inf)", "[2, inf)", {"stronger": "above"}, "can never be not reproduced"),
        ("[2, 5]", "[2, 9]", {"stronger": "above"}, "can never be not reproduced"),
        ("[0, 1]", "[0, 1]", {"kind": Kind.IDENTITY}, "can never be failed"),
    ],
)
@pytest.mark.parametrize("recorded", [True, False])
def test_a_range_that_leaves_no_room_in_the_domain(
    allowed: str, domain: str, more: dict[str, Any], words: str, recorded: bool
) -> None:
    of = claim(allowed, domain, **more)
    found = measured(of, no_number("nothing")) if recorded else None
    said = unreachable(of, found)
    assert said is not None
    assert words in said
    assert domain in said


@pytest.mark.parametrize(
    ("allowed", "domain", "more"),
    [
        ("(0, 1]", "[0, 1]", {}),  # it fails at exactly 0
        ("[0, 0]", "[0, inf)", {"kind": Kind.IDENTITY}),
        ("[0, 0.1]", "[0, inf)", {}),
        ("[2, 4.5]", "(0, inf)", {"stronger": "above"}),
        ("[-0.5, 0.5]", "[-1, 1]", {}),
    ],
)
def test_a_range_that_leaves_room(allowed: str, domain: str, more: dict[str, Any]) -> None:
    of = claim(allowed, domain, **more)
    assert unreachable(of, None) is None


METHODS = [Method.BCA, Method.STUDENT_T, Method.EXACT_BINOMIAL, Method.RANGE, Method.ROUNDING]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("low", "high", "n"), [(4.0, 6.0, 16), (-3.0, 9.0, 40), (1.0, 1.5, 8)])
def test_intervals_much_wider_than_the_range_never_fit(
    method: Method, low: float, high: float, n: int
) -> None:
    width = high - low
    narrow, wide = (claim(f"[7, {7 + factor * width}]") for factor in (0.3, 3))
    found = between(low, high, method, n)
    said = unreachable(narrow, measured(narrow, found))
    assert said is not None
    assert "hardly be reproduced" in said
    assert str(method) in said
    assert unreachable(wide, measured(wide, found)) is None


def test_ratios_scatter_by_factors() -> None:
    of = claim("[2, 4.5]", "(0, inf)", stronger="above")
    near, far = between(1.0, 1.3, Method.EXACT_BINOMIAL), between(1.0, 9.0, Method.EXACT_BINOMIAL)
    far_up = between(100.0, 130.0, Method.EXACT_BINOMIAL)  # ± 13 % here is ± 13 % there
    assert unreachable(of, measured(of, near)) is None
    assert unreachable(of, measured(of, far_up)) is None
    assert unreachable(of, measured(of, far)) is not None


def test_shares_scatter_less_at_their_walls() -> None:
    found = between(0.5, 0.7, Method.BCA, 20)
    at_wall, in_middle = claim("[0.97, 1]", "[0, 1]"), claim("[0.46, 0.54]", "[0, 1]")
    assert unreachable(at_wall, measured(at_wall, found)) is None
    assert unreachable(in_middle, measured(in_middle, found)) is not None


def test_positive_numbers_that_reach_zero_can_still_leave_the_range() -> None:
    of = claim("[0, 1e-9]", "[0, inf)", Kind.IDENTITY)
    assert unreachable(of, measured(of, bounded(1e-13, 0.0, 1e-12, over="steps"))) is None
    below = claim("(-inf, 1]", "(-inf, 2]", Kind.LAW)
    assert unreachable(below, measured(below, between(1.5, 2.0, Method.RANGE))) is None


def test_too_few_runs_never_decide() -> None:
    of = claim("[2, 9]", n=16)
    said = unreachable(of, measured(of, between(3, 4, Method.RANGE, 8)))
    assert said is not None
    assert "fewer than 16 runs" in said
    assert unreachable(of, measured(of, between(3, 4, Method.RANGE, 16))) is None


def test_an_empirical_number_without_an_interval_never_decides() -> None:
    of = claim("[2, 9]")
    said = unreachable(of, measured(of, number(5, n=12, over="runs")))
    assert said is not None
    assert "no interval" in said
    law = claim("[2, 9]", kind=Kind.LAW)
    assert unreachable(law, measured(law, number(5, n=12, over="runs"))) is None


def test_it_says_the_same_each_time() -> None:
    of = claim("[2, 2.4]", "(0, inf)")
    found = measured(of, between(2.0, 2.6, Method.BCA, 24))
    assert unreachable(of, found) == unreachable(of, found) is not None
