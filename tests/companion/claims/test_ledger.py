"""A measurement is kept with what its numbers say, and found again in executed notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import (
    Claim,
    Verdict,
    load_claims,
)
from regime_lib.companion.claims.ledger import (
    CLAIM_MIME,
    Measurement,
    as_measurement,
    measurements_in,
    plain_number,
    read_ledger,
    rounded,
)
from regime_lib.estimate import Estimate, Method, no_number, number
from tests.companion.refusals import refused
from tests.companion.tiny import a_claim, make_project, tiny_cells, write_notebook


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def ratio(project: Project) -> Claim:
    return load_claims(project.claims_file)["rc-tiny-ratio"]


@pytest.fixture
def steps(project: Project) -> Claim:
    return load_claims(project.claims_file)["rc-tiny-steps"]


RATIO_CLAIM = a_claim("[2, inf)")


class Tensor:
    """What a one-element torch tensor looks like from outside, without importing torch."""

    ndim = 0

    def item(self) -> float:
        return 2.5


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (2.5, 2.5),
        (np.float32(2.5), 2.5),
        (np.array(2.5), 2.5),
        (Tensor(), 2.5),
        (3, 3),
        (np.int64(3), 3),
    ],
)
def test_numbers_of_every_kind_become_plain_ones(value: Any, number: float) -> None:
    found = plain_number(value, "x")
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize("value", [True, np.True_, "2.5", None, [2.5], np.array([2.5]), 1j])
def test_what_is_not_one_number_is_refused(value: Any) -> None:
    with refused("x must be one number"):
        plain_number(value, "x")


def test_a_measurement_holds_its_numbers_and_verdict(ratio: Claim) -> None:
    estimate = Estimate(np.float64(3.14159265), 2, 4.00000049, np.int64(8), "8 seeds", Method.BCA)
    assert as_measurement(ratio, estimate) == Measurement(
        "rc-tiny-ratio",
        3.14159,
        2.0,
        4.0,
        8,
        "1",
        Verdict.REPRODUCED,
        "8 seeds",
        Method.BCA.value,
        "the interval lies inside the claimed range",
    )


@given(st.floats(1e-12, 1e12), st.floats(0, 1), st.floats(0, 1))
def test_the_verdict_follows_from_the_stored_numbers(
    value: float, below: float, above: float
) -> None:
    ends = (value * (1 - below), value * (1 + above))
    kept = as_measurement(RATIO_CLAIM, Estimate(value, *ends, 3, "3 seeds", Method.RANGE))
    assert kept.value is not None
    assert kept.low is not None
    assert kept.high is not None
    expected = (
        Verdict.REPRODUCED
        if kept.low >= 2
        else Verdict.PARTLY
        if kept.high >= 2
        else Verdict.NOT_REPRODUCED
    )
    assert kept.verdict is expected
    assert kept.value == rounded(kept.value)
    assert abs(kept.value - value) <= 5e-6 * value


def test_no_number_is_undetermined(ratio: Claim) -> None:
    kept = as_measurement(ratio, no_number("8 runs, all censored"))
    assert (kept.value, kept.verdict, kept.numbers) == (None, Verdict.UNDETERMINED, "no number")
    assert kept.method == Measurement.method == Method.NONE


def test_estimates_that_do_not_fit_are_refused(ratio: Claim) -> None:
    with refused("rc-tiny-ratio", "'1'", "'steps'"):
        as_measurement(ratio, Estimate(3, 2, 4, 8, "8 seeds", Method.RANGE, "steps"))
    with refused("rc-tiny-ratio", "a float", "Estimate"):
        as_measurement(ratio, 3.0)  # type: ignore[arg-type]


def test_what_decides_nothing_is_undetermined(ratio: Claim, steps: Claim) -> None:
    assert as_measurement(ratio, number(3.0, n=8)).verdict is Verdict.UNDETERMINED
    assert as_measurement(steps, number(200, unit="steps")).verdict is Verdict.UNDETERMINED
    assert as_measurement(steps, number(200, n=2, unit="steps")).verdict is Verdict.CHECKED


def executed(folder: Path, *measurements: Measurement) -> Path:
    """Write a chapter whose outputs hold the given measurements."""
    cells = tiny_cells()
    cells[4]["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": {CLAIM_MIME: m.as_dict()}}
        for m in measurements
    ]
    folder.mkdir(parents=True, exist_ok=True)
    return write_notebook(folder / "10_tiny.ipynb", cells)


RATIO = Measurement("rc-tiny-ratio", 3.0, 2.0, 4.0, 8, "1", Verdict.REPRODUCED)
STEPS = Measurement("rc-tiny-steps", 600.0, None, None, 8, "steps", Verdict.FAILED)


def test_measurements_survive_the_notebook(project: Project) -> None:
    path = executed(project.executed, RATIO, STEPS)
    assert measurements_in(json.loads(path.read_text()), "x") == {RATIO.id: RATIO, STEPS.id: STEPS}


def test_one_claim_recorded_twice_in_a_notebook_is_an_error(project: Project) -> None:
    path = executed(project.executed, RATIO, RATIO)
    with refused("rc-tiny-ratio twice"):
        measurements_in(json.loads(path.read_text()), "x")


def test_the_ledger_holds_every_claim_tested_or_not(project: Project) -> None:
    executed(project.notebooks, RATIO, STEPS)
    records = read_ledger(project)
    assert [(record.claim.id, str(record.verdict)) for record in records] == [
        ("rc-tiny-ratio", "reproduced"),
        ("rc-tiny-steps", "failed"),
        ("mp-later", "not tested"),
    ]
    assert records[2].measurement is None


def test_the_last_run_counts_before_the_committed_notebook(project: Project) -> None:
    executed(project.notebooks, RATIO)
    path = executed(project.executed, STEPS)
    records = {record.claim.id: record for record in read_ledger(project)}
    assert records["rc-tiny-ratio"].verdict is Verdict.NOT_TESTED
    assert records["rc-tiny-steps"].notebook == path


def test_a_changed_criterion_changes_the_verdict_of_stored_numbers(project: Project) -> None:
    executed(project.executed, RATIO)
    text = project.claims_file.read_text().replace("[2, 8]", "[2.5, 8]")
    project.claims_file.write_text(text)
    assert read_ledger(project)[0].verdict is Verdict.PARTLY


@pytest.mark.parametrize(
    ("old", "new"),
    [("rc-tiny-ratio", "rc-other"), ('unit: "1"', "unit: steps"), ("10_tiny", "12_other")],
)
def test_a_stored_measurement_that_the_claims_no_longer_know_is_an_error(
    project: Project, old: str, new: str
) -> None:
    executed(project.executed, RATIO)
    project.claims_file.write_text(project.claims_file.read_text().replace(old, new, 1))
    with refused("10_tiny.ipynb", "rc-tiny-ratio", "regime run 10_tiny"):
        read_ledger(project)
