"""What the chapter measures: each claim once, and every number that of a plain loop."""

from __future__ import annotations

import statistics
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.three_times import committed, measure
from regime_lib.chapters.three_times.measure import Digits, PaperScale, Settings
from regime_lib.chapters.three_times.specifications import SETTING, USUAL
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.running.measuring import claims_in
from regime_lib.keeping import dumps, loads

CHAPTER = "23_three_times_earlier"

ROOT = Path(__file__).resolve().parents[3]
TINY = Settings(n_seeds=2, steps_mlp=24, steps_cnn=20, steps_transformer=20, seed=3)


@pytest.fixture(scope="module")
def digits() -> Digits:
    return measure.measure(TINY).digits


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    found = published_evidence(CHAPTER, Project(ROOT)).tables
    return {name: found[name] for name in ("specifications", "runs")}


@pytest.fixture(scope="module")
def paper(tables: dict[str, pd.DataFrame]) -> PaperScale:
    return measure.paper_scale(TINY, tables)


@pytest.fixture(scope="module")
def ratios(tables: dict[str, pd.DataFrame]) -> dict[tuple[str, ...], tuple[float, list[str]]]:
    """Median ratio and kinds of censoring of every specification of absolute size, by loops."""
    found: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    for row in tables["specifications"].to_dict("records"):
        if row["size"] == "absolute":
            key = tuple(row[name] for name in (*SETTING, "network", "definition"))
            found.setdefault(key, []).append((row["ratio"], row["censored"]))
    return {
        key: (
            statistics.median([r for r, _ in own if r == r] or [np.nan]),
            [kind for _, kind in own],
        )
        for key, own in found.items()
    }


def test_every_claim_is_measured_once(digits: Digits, paper: PaperScale) -> None:
    claims = load_claims(ROOT / "book" / "claims.yml").values()
    own = {claim.id for claim in claims if claim.chapter == CHAPTER}
    assert set(claims_in((digits, paper))) == own


@pytest.mark.parametrize("name", ["digits", "paper"])
def test_every_part_can_be_kept(name: str, request: pytest.FixtureRequest) -> None:
    part = request.getfixturevalue(name)
    again = loads(type(part), dumps(part))
    assert dumps(again) == dumps(part)


def test_the_digits_are_every_setting_with_every_seed(digits: Digits) -> None:
    runs = measure.configs(TINY)
    settings = {(c.architecture, c.optimizer, c.schedule) for c in runs}
    plans = {*product(("sgd", "momentum", "adamw"), ("constant", "cosine")), ("adamw", "warm-up")}
    assert settings == {(a, *plan) for a, plan in product(("mlp", "cnn", "transformer"), plans)}
    assert len(runs) == 2 * len(settings) == 2 * len(digits.table) / 16
    assert {c.seed for c in runs} == {3, 4}
    exact = digits.table.loc[digits.table["bound"] == "exact", "ratio"]
    claim = digits.claims["rc-three-times-digits"]
    assert claim.value == pytest.approx(exact.median(), nan_ok=True)
    share = digits.shares[0]
    assert share.exact.value == pytest.approx((exact > share.level).mean())
    assert set(digits.changes) == set(product(measure.DIGITS, ("sgd", "momentum", "adamw")))
    assert all((both.max(axis=1) == 1).all() for both in digits.changes.values())


def test_a_part_depends_on_its_settings_alone(digits: Digits) -> None:
    np.random.seed(1)  # noqa: NPY002  (what other code may have left behind)
    few = Settings(n_seeds=1, steps_mlp=24, steps_cnn=20, steps_transformer=20, seed=3)
    again = measure.digits(few)
    assert all(np.array_equal(again.changes[key], both) for key, both in digits.changes.items())


def test_the_overall_ratio_is_that_of_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], tuple[float, list[str]]]
) -> None:
    real = {k: v for k, v in ratios.items() if k[0] != "digits" and k[5] == "iterate"}
    exact = [ratio for ratio, kinds in real.values() if not any(kinds)]
    overall = paper.overall
    assert len(overall.table) == len(real)
    assert overall.claims["rc-three-times"].value == pytest.approx(statistics.median(exact))
    for share in overall.shares:
        above = sum(ratio > share.level for ratio in exact) / len(exact)
        assert share.exact.value == pytest.approx(above)
        surely = [
            ratio > share.level  # each seed is known, or its weights' time is a lower bound
            for ratio, kinds in real.values()
            if not any(kinds)
            or ("weights" in kinds and "patterns" not in kinds and kinds.count("both") < 2)
        ]
        assert share.surely == pytest.approx(sum(surely) / len(real))


def test_averages_are_those_of_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], tuple[float, list[str]]]
) -> None:
    usual = {
        k: ratio
        for k, (ratio, kinds) in ratios.items()
        if k[0] != "digits" and k[5:] == ("iterate", USUAL) and not any(kinds)
    }
    claims, values = paper.averages.claims, list(usual.values())
    mean, middle = statistics.fmean(values), statistics.median(values)
    assert claims["rc-mean-speedup"].value == pytest.approx(mean) == paper.averages.mean
    assert claims["rc-mean-few"].value == pytest.approx(mean / middle)
    mnist = min(ratio for key, ratio in usual.items() if key[0] == "mnist")
    assert claims["rc-mnist-exception"].value == pytest.approx(mnist)
    kept = sorted(values)[: len(values) - round(len(values) / 10)]
    assert paper.averages.numbers["mean-without"] == pytest.approx(statistics.fmean(kept))


def test_medians_by_definition_are_those_of_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], tuple[float, list[str]]]
) -> None:
    places = list(product(("iterate", "average"), ("sgd", "momentum", "adamw")))
    for row, definition in enumerate(committed.DEFINITIONS):
        for column, (network, name) in enumerate(places):
            own = [
                ratio
                for k, (ratio, _) in ratios.items()
                if k[0] != "digits" and (k[2], *k[5:]) == (name, network, definition)
            ]
            known = [ratio for ratio in own if ratio == ratio]
            found = paper.by_definition.medians[row, column]
            assert found == pytest.approx(statistics.median(known or [np.nan]), nan_ok=True)


def test_causes_are_those_of_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], tuple[float, list[str]]]
) -> None:
    averaged = {
        (k[1], k[2]): ratio
        for k, (ratio, _) in ratios.items()
        if (k[0], *k[3:]) == ("digits", "constant", "mini", "average", USUAL)
    }
    claims = paper.causes.claims
    least = min(r for (network, _), r in averaged.items() if network != "transformer")
    assert claims["rc-drift-mlp-cnn"].value == pytest.approx(least)
    some = [r for (network, _), r in averaged.items() if network == "transformer"]
    assert claims["rc-drift-transformer"].value == pytest.approx(statistics.median(some))


def test_what_censored_settings_leave_open_is_no_number(tables: dict[str, pd.DataFrame]) -> None:
    found = tables["specifications"].astype({"censored": str})
    own = (found["dataset"] == "digits") & (found["architecture"] == "transformer")
    claims = committed.causes(found.assign(censored=found["censored"].mask(own, "weights"))).claims
    assert not claims["rc-drift-transformer"].known
    assert claims["rc-drift-mlp-cnn"].known


def test_slopes_and_flicker_are_those_of_a_loop(
    paper: PaperScale, tables: dict[str, pd.DataFrame]
) -> None:
    rows = [row for row in tables["runs"].to_dict("records") if row["dataset"] != "digits"]
    slopes = [row["slope"] for row in rows if row["slope"] == row["slope"]]
    claims = paper.step_by_step.claims
    assert claims["rc-proportional-everywhere"].value == pytest.approx(statistics.median(slopes))
    flips: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        flips.setdefault(tuple(row[n] for n in SETTING), []).append(row["flips_per_net_flip"])
    middle = statistics.median([statistics.median(own) for own in flips.values()])
    assert claims["rc-flips-per-net-flip"].value == pytest.approx(middle)
