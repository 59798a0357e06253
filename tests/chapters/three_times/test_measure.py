"""What the chapter measures: each claim once, and every number that of a plain loop."""

from __future__ import annotations

import statistics
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.three_times import committed, measure
from regime_lib.chapters.three_times.measure import Digits, PaperScale, Settings, ToTheEnd
from regime_lib.chapters.three_times.specifications import SETTING, USUAL
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict, load_claims
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


Limit = tuple[float, float]


@pytest.fixture(scope="module")
def ratios(tables: dict[str, pd.DataFrame]) -> dict[tuple[str, ...], Limit]:
    """Limits of the median ratio of every specification of absolute size, by loops."""
    found: dict[tuple[str, ...], list[Limit]] = {}
    for row in tables["specifications"].to_dict("records"):
        if row["size"] == "absolute":
            key = tuple(row[name] for name in (*SETTING, "network", "definition"))
            least = row["ratio"] if row["censored"] in ("", "weights") else 0.0
            most = row["ratio"] if row["censored"] in ("", "patterns") else float("inf")
            found.setdefault(key, []).append((least, most))
    return {
        key: (statistics.median(low for low, _ in own), statistics.median(up for _, up in own))
        for key, own in found.items()
    }


def exact_only(found: dict[tuple[str, ...], Limit]) -> dict[tuple[str, ...], float]:
    return {key: low for key, (low, up) in found.items() if low == up}


@pytest.fixture(scope="module")
def late() -> ToTheEnd:
    return measure.to_the_end(TINY, published_evidence("late_stage", Project(ROOT)).tables)


def test_every_claim_is_measured_once(digits: Digits, paper: PaperScale, late: ToTheEnd) -> None:
    claims = load_claims(ROOT / "book" / "claims.yml").values()
    own = {claim.id for claim in claims if claim.chapter == CHAPTER}
    assert set(claims_in((digits, paper, late))) == own


@pytest.mark.parametrize("name", ["digits", "paper", "late"])
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
    assert all(c.redraw for c in runs)
    assert digits.counts["specifications"].tolist() == [144, 144, 48]
    for schedule, shares in digits.shares.items():
        own = digits.table[digits.table["schedule"] == schedule]
        for share in shares:
            assert share.surely == pytest.approx((own["least"] > share.level).mean())
            assert share.surely + share.perhaps == pytest.approx((own["most"] > share.level).mean())
    assert set(digits.changes) == set(product(measure.DIGITS, ("sgd", "momentum", "adamw")))
    assert all((both.max(axis=1) == 1).all() for both in digits.changes.values())


def test_a_part_depends_on_its_settings_alone(digits: Digits) -> None:
    np.random.seed(1)  # noqa: NPY002  (what other code may have left behind)
    few = Settings(n_seeds=1, steps_mlp=24, steps_cnn=20, steps_transformer=20, seed=3)
    again = measure.digits(few)
    assert all(np.array_equal(again.changes[key], both) for key, both in digits.changes.items())


def test_the_overall_ratios_are_those_of_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], Limit]
) -> None:
    overall = paper.overall
    real = {k: v for k, v in ratios.items() if k[0] != "digits" and k[5] == "iterate"}
    assert len(overall.table) == len(real)
    for schedule in ("constant", "cosine", "warm-up"):
        own = [limits for key, limits in real.items() if key[3] == schedule]
        unknown = sum(limits == (0, np.inf) for limits in own)
        row = overall.counts.set_index("schedule").loc[schedule]
        assert (row["specifications"], row["open"]) == (len(own), unknown)
        assert row["exact"] == sum(low == up for low, up in own)
        for share in overall.shares[schedule]:
            surely = sum(low > share.level for low, _ in own) / len(own)
            assert share.surely == pytest.approx(surely)


def test_averages_are_those_of_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], Limit]
) -> None:
    usual = {k: v for k, v in ratios.items() if k[0] != "digits" and k[5:] == ("iterate", USUAL)}
    values = list(exact_only(usual).values())
    claims, numbers = paper.averages.claims, paper.averages.numbers
    mean, middle = statistics.fmean(values), statistics.median(values)
    assert paper.averages.mean == pytest.approx(mean)
    assert {key[3] for key in exact_only(usual)} == {"cosine"}
    assert claims["rc-mean-few"].value == pytest.approx(mean / middle)
    kept = sorted(values)[: len(values) - round(len(values) / 10)]
    assert numbers["mean-without"] == pytest.approx(statistics.fmean(kept))
    known = [low for low, _ in usual.values() if low > 0]
    assert numbers["mean-least"] == pytest.approx(statistics.fmean(known))
    assert numbers["mean-all"] == len(usual) == 56
    assert numbers["mean-open"] == sum(limits == (0, np.inf) for limits in usual.values())


def test_mnist_is_compared_with_other_images_by_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], Limit]
) -> None:
    exact = exact_only({k: v for k, v in ratios.items() if k[3:6] == ("cosine", "mini", "iterate")})
    quotients: dict[tuple[str, ...], list[float]] = {}
    for key, ratio in exact.items():
        other = exact.get(("mnist", *key[1:]))
        if key[0] in ("fashion-mnist", "cifar10") and other:
            quotients.setdefault((key[1], key[2]), []).append(ratio / other)
    assert len(quotients) == 6
    found = paper.averages.claims["rc-mnist-exception"]
    assert found.n == 6
    assert found.value == pytest.approx(
        statistics.median(q for own in quotients.values() for q in own), rel=0.02
    )
    middles = [statistics.median(own) for own in quotients.values()]
    assert found.low <= min(middles) * 1.05
    assert found.high >= max(middles) * 0.95


def test_an_exception_would_be_seen(tables: dict[str, pd.DataFrame]) -> None:
    found = tables["specifications"]
    exception = np.where(found["dataset"] == "mnist", found["ratio"] / 4, found["ratio"])
    usual = committed.averages(found).claims["rc-mnist-exception"]
    changed = committed.averages(found.assign(ratio=exception)).claims["rc-mnist-exception"]
    claim = load_claims(ROOT / "book" / "claims.yml")["rc-mnist-exception"]
    for estimate, verdict in ((usual, Verdict.NOT_REPRODUCED), (changed, Verdict.REPRODUCED)):
        numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        assert claim.judge(numbers).verdict is verdict
    assert changed.value == pytest.approx(4 * usual.value)


def test_medians_by_definition_are_those_of_a_loop(
    paper: PaperScale, ratios: dict[tuple[str, ...], Limit]
) -> None:
    places = list(product(("constant", "cosine"), ("sgd", "momentum", "adamw")))
    blank = 0
    for row, definition in enumerate(committed.DEFINITIONS):
        for column, (schedule, name) in enumerate(places):
            own = [
                limits
                for k, limits in ratios.items()
                if k[0] != "digits"
                and (k[2], k[3], *k[5:]) == (name, schedule, "iterate", definition)
            ]
            found = paper.by_definition.medians[row, column]
            if 2 * sum(limits == (0, np.inf) for limits in own) >= len(own):
                assert np.isnan(found)
                blank += 1
            elif all(low == up for low, up in own):
                ordered = sorted(low for low, _ in own)
                assert found == pytest.approx(ordered[(len(ordered) - 1) // 2])
    assert blank


def test_causes_are_those_of_a_loop(paper: PaperScale, tables: dict[str, pd.DataFrame]) -> None:
    rows = [
        row
        for row in tables["specifications"].to_dict("records")
        if (row["dataset"], row["schedule"], row["batch"], row["network"], row["size"])
        == ("digits", "constant", "mini", "average", "absolute")
        and row["definition"] == USUAL
    ]
    claims = paper.causes.claims
    some = [[r["ratio"] for r in rows if r["architecture"] == "transformer" and r["seed"] == k]
            for k in range(3)]  # fmt: skip
    assert not any(r["censored"] for r in rows if r["architecture"] == "transformer")
    largest = [max(own) for own in some]
    assert claims["rc-drift-transformer"].value == pytest.approx(statistics.median(largest))
    assert (claims["rc-drift-transformer"].low, claims["rc-drift-transformer"].n) == (
        pytest.approx(min(largest)),
        3,
    )
    least = [min(r["ratio"] for r in rows if r["architecture"] != "transformer" and r["seed"] == k)
             for k in range(3)]  # fmt: skip
    drift = claims["rc-drift-mlp-cnn"]
    assert drift.low == pytest.approx(min(least))
    assert drift.high > drift.value >= statistics.median(least)  # two of these are lower bounds


def test_a_network_in_which_nothing_settles_counts(tables: dict[str, pd.DataFrame]) -> None:
    found = tables["specifications"].astype({"censored": str})
    warm = (found["schedule"] == "warm-up") & (found["dataset"] == "digits")
    assert committed.causes(found).claims["rc-warm-up"].value is None
    settled = found.assign(censored=found["censored"].mask(warm, ""))
    settled["ratio"] = settled["ratio"].astype(float).mask(warm & found["ratio"].isna(), 1.1)
    claim = committed.causes(settled).claims["rc-warm-up"]
    assert (claim.value, claim.n) == (pytest.approx(1.1, abs=0.02), 3)


def test_slopes_and_flicker_are_those_of_a_loop(
    paper: PaperScale, tables: dict[str, pd.DataFrame]
) -> None:
    rows = [row for row in tables["runs"].to_dict("records") if row["dataset"] != "digits"]
    slopes: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if row["schedule"] == "constant":
            slopes.setdefault(tuple(row[n] for n in SETTING), []).append(row["slope"])
    near = [abs(statistics.median(own) - 1) <= 0.1 for own in slopes.values()]
    claim = paper.step_by_step.claims["rc-proportional-everywhere"]
    assert (claim.value, claim.n) == (pytest.approx(sum(near) / len(near)), 24)
    flips: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        flips.setdefault(tuple(row[n] for n in SETTING), []).append(row["flips_per_net_flip"])
    middle = statistics.median([statistics.median(own) for own in flips.values()])
    assert paper.step_by_step.numbers["flicker-median"] == pytest.approx(middle)
