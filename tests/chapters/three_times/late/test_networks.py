"""Runs to the end, by network: numbers of made-up tables whose answers are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from regime_lib.chapters.three_times.late import figures_networks as draw
from regime_lib.chapters.three_times.late import gelu, networks
from regime_lib.chapters.three_times.late.networks import CNN, LatePart, late_network, late_part
from regime_lib.chapters.three_times.limits import Limits
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict, load_claims
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.estimate import Estimate

ROOT = Path(__file__).resolve().parents[4]
END = 1000
STEPS = (1, 100, 500, END)
#: Patterns' and weights' time, and which of them is only a limit, by optimiser and schedule.
TIMES: dict[tuple[str, str], tuple[float, float, str]] = {
    ("sgd", "constant"): (300.0, 900.0, ""),
    ("momentum", "constant"): (float(END), 500.0, "patterns"),
    ("adamw", "constant"): (10.0, float(END), "weights"),
    ("sgd", "cosine"): (float(END), float(END), "both"),
}


def table(part: str, activation: str = "relu", factor: float = 1.0) -> dict[str, pd.DataFrame]:
    """Return the tables of a part with three seeds; `factor` times the ratio of every run."""
    rows: dict[str, list[dict[str, Any]]] = {n: [] for n in ("specifications", "runs", "series")}
    rows["looks"] = []
    for (optimizer, schedule), (patterns, weights, censored) in TIMES.items():
        for seed in range(3):
            run = {
                "part": part,
                "dataset": "mnist",
                "architecture": "cnn",
                "optimizer": optimizer,
                "schedule": schedule,
                "batch": "mini",
                "seed": seed,
                "activation": activation,
            }
            early = patterns / factor
            for horizon, skipped, window, definition in (
                (END, 0, 51, USUAL), (END, 100, 51, USUAL), (END // 2, 0, 51, USUAL),
                (END, 0, 25, USUAL), (END, 0, 51, "auc"),
            ):  # fmt: skip
                asked = (horizon, skipped, window, definition) == (END, 0, 51, USUAL)
                ratio = np.nan if censored == "both" else weights / early if asked else 99.0
                rows["specifications"].append(
                    {
                        **run,
                        "horizon": horizon,
                        "skipped": skipped,
                        "window": window,
                        "size": "absolute",
                        "definition": definition,
                        "pattern_time": early,
                        "weight_time": weights,
                        "ratio": ratio,
                        "censored": censored,
                    }
                )
            loss = {"train_loss": 0.01 * (1 + seed), "test_loss": 0.2, "test_accuracy": 0.9}
            rows["runs"].append({**run, "steps": END, "epoch_below": seed, **loss})
            for quantity, last in (("pattern_change", 0.1), ("weight_change", 0.5)):
                values = (2.0, 1.0, 0.8, last)
                rows["series"] += [
                    {**run, "quantity": quantity, "step": step, "value": value}
                    for step, value in zip(STEPS, values, strict=True)
                ]
            for step, inputs, bits, way in zip(
                STEPS,
                (0.0, 0.1, 0.25, 1.0),
                (0.4, 0.3, 0.1, 0.0),
                (8.0, 6.0, 4.0, 0.0),
                strict=True,
            ):
                far = {"pattern_from_end": bits, "weight_from_end": way, "settled_samples": inputs}
                rows["looks"].append({**run, "step": step, **far, **loss})
    return {name: pd.DataFrame(own) for name, own in rows.items()}


def joined(*some: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: pd.concat([one[name] for one in some], ignore_index=True) for name in some[0]}


MADE = joined(
    table("mnist-cnn"), table("mnist-mlp"), table("mnist-mlp-gelu", "gelu", 1.5), table("sst2")
)
EMPTY = {name: rows.iloc[:0] for name, rows in MADE.items()}
FOUND = late_network(MADE, CNN, "rc-late-cnn")
PART = FOUND.parts["mnist-cnn"]
SMOOTH = gelu.smooth_activations(MADE)
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "late_changes": lambda theme: draw.changes(theme, PART, 200),
    "late_times": lambda theme: draw.settling_times(theme, FOUND.parts, 200),
    "late_settled": lambda theme: draw.settled(theme, PART),
    "late_gelu": lambda theme: draw.both_activations(theme, SMOOTH.pairs["rc-gelu-mlp"]),
}


def test_a_third_of_the_time_is_three_times_earlier() -> None:
    found = FOUND.claims["rc-late-cnn-sgd"]
    assert found.value == pytest.approx(1 / 3)
    assert [found.low, found.high] == pytest.approx([1 / 3, 1 / 3])
    assert FOUND.numbers["late-ratios-constant"] == (
        "MNIST: SGD 3, momentum at most 0.5, AdamW at least 100"
    )


def test_where_neither_settles_the_ratio_is_unknown_in_a_word() -> None:
    sgd = PART.times["optimizer"] == "sgd"
    neither = PART.times.assign(censored=PART.times["censored"].mask(sgd, "both"))
    said = networks._ratios({"a": PART}, "constant", {"a": neither})
    assert said == "MNIST: SGD unknown, momentum at most 0.5, AdamW at least 100"


def test_a_figure_tells_runs_without_a_ratio_from_settings_without_a_run() -> None:
    with_gap = PART.times[
        ~((PART.times["optimizer"] == "sgd") & (PART.times["schedule"] == "constant"))
    ]
    parts = {"a": PART, "b": replace(PART, times=with_gap)}
    figure = draw.settling_times(Theme(), parts)
    told = [[text.get_text() for text in ax.texts] for ax in figure.axes]
    assert told[0].count("no run") == 0
    assert told[1].count("no run") == 1


def test_weights_that_never_settle_leave_a_share_between_nothing_and_a_limit() -> None:
    found = FOUND.claims["rc-late-cnn-adamw"]
    assert [found.low, found.high] == pytest.approx([0, 0.01])
    claim = load_claims(ROOT / "book" / "claims.yml")["rc-late-cnn-adamw"]
    assert claim.judge(numbers(found)).verdict is Verdict.MORE


def test_patterns_that_never_settle_leave_no_number() -> None:
    assert not FOUND.claims["rc-late-cnn-momentum"].known


def limits(*ends: tuple[float, float]) -> Limits:
    least, most = np.array(ends).T
    return Limits(least, most, np.arange(len(ends)))


def test_limits_that_leave_the_verdict_open_give_no_number() -> None:
    claimed = (0.222, 0.5)
    assert not networks.told(limits(*[(0, 0.99)] * 3), claimed, "runs").known
    assert not networks.told(limits((0, 0.4), (0, 0.45), (0, 0.1)), claimed, "runs").known
    assert not networks.told(limits((0.3, 0.3), (0.3, 0.3)), claimed, "runs").known  # two
    below = networks.told(limits((0, 0.01), (0, 0.02), (0, 0.01)), claimed, "runs")
    assert [below.low, below.high] == [0, 0.02]
    exact = networks.told(limits((0.2, 0.2), (0.9, 0.9), (0.3, 0.3)), claimed, "runs")
    assert [exact.value, exact.low, exact.high] == [0.3, 0.2, 0.9]  # scatter is no censoring


def test_the_ends_are_those_of_the_claims() -> None:
    claims = load_claims(ROOT / "book" / "claims.yml")
    for name, ends in (
        ("rc-late-cnn-sgd", networks._CLAIMED),
        ("rc-late-transformer-adamw", networks._CLAIMED),
        ("rc-gelu-mlp", gelu._SAME),
        ("rc-gelu-transformer", gelu._SAME),
    ):
        allowed = claims[name].criterion.range
        assert (allowed.low, allowed.high) == ends


def test_the_verdict_can_come_out_either_way() -> None:
    claim = load_claims(ROOT / "book" / "claims.yml")["rc-late-cnn-sgd"]
    for pattern_time, verdict in ((300.0, Verdict.REPRODUCED), (890.0, Verdict.NOT_REPRODUCED)):
        rows = PART.times.assign(pattern_time=pattern_time, ratio=900 / pattern_time, censored="")
        part = LatePart("mnist-cnn", PART.runs, rows, PART.series, PART.looks)
        found = networks.share_of_time({"mnist-cnn": part}, "sgd")
        assert claim.judge(numbers(found)).verdict is verdict


def test_only_whole_runs_by_the_usual_definition_are_read() -> None:
    assert len(PART.times) == 3 * len(TIMES)
    assert set(PART.times["horizon"]) == {END}
    assert 99.0 not in set(PART.times["ratio"])
    left_out = networks.usual(MADE["specifications"], left_out=100)
    assert set(left_out["ratio"].dropna()) == {99.0}


def test_tables_without_runs_say_so() -> None:
    found = late_network(EMPTY, CNN, "rc-late-cnn")
    assert not found.parts
    assert not any(one.known for one in found.claims.values())
    assert found.numbers["late-ratios-constant"] == networks.NONE
    cifar = "CIFAR-10 (JPEG copy) 0 of 3, CIFAR-10 (JPEG copy), residual network 0 of 3"
    assert found.numbers["late-runs"] == f"MNIST 0 of 18, Fashion-MNIST 0 of 12, {cifar}"
    assert FOUND.numbers["late-runs"] == f"MNIST 12 of 18, Fashion-MNIST 0 of 12, {cifar}"
    smooth = gelu.smooth_activations(EMPTY)
    assert set(smooth.claims) == {"rc-gelu-mlp", "rc-gelu-transformer"}
    assert not any(one.known for one in smooth.claims.values())


def test_what_a_run_came_to_is_read_at_its_half_and_at_its_end() -> None:
    own = FOUND.table.loc["MNIST", "constant", "SGD"]
    assert own["training loss"] == pytest.approx(0.02)
    assert own["inputs settled"] == 0.25
    assert own["distance covered, pattern"] == pytest.approx(0.75)
    assert own["distance covered, weights"] == pytest.approx(0.5)
    assert list(networks.late_falls(PART, "sgd")) == pytest.approx([0.45, 0.65])
    assert FOUND.numbers["late-inputs"] == "MNIST: SGD 25.0%, momentum 25.0%, AdamW 25.0%"
    assert FOUND.numbers["late-falls-sgd"] == "MNIST: patterns to 0.45, weights to 0.65"


def test_a_table_says_the_ratio_by_every_definition_that_was_asked() -> None:
    found = networks.by_definition(MADE, FOUND.parts)
    assert found.loc[("MNIST", "SGD"), "below 1/10 of peak"] == "3"
    assert found.loc[("MNIST", "AdamW"), "below 1/10 of peak"] == "≥ 100"
    assert found.loc[("MNIST", "SGD"), "area over peak"] == "99"
    assert found.loc[("MNIST", "SGD"), "9/10 of the way"] == "none"
    assert networks.by_definition(MADE, {}).empty


def test_flips_of_the_first_layer_are_those_of_single_late_steps() -> None:
    run = {"part": "mnist-cnn", "optimizer": "sgd", "schedule": "constant"}
    rows = [(50, 0, 0.9), (200, 0, 0.01), (400, 0, 0.02), (800, 0, 0.3), (800, 1, 0.8)]
    flips = pd.DataFrame([{**run, "at": at, "layer": n, "flips": f} for at, n, f in rows])
    said = networks.first_layer_flips({"flips": flips}, FOUND.parts)
    assert said == "SGD 2.00% in the median step, 30.00% at most (MNIST)"
    assert networks.first_layer_flips({"flips": flips}, {}) == networks.NONE


def test_gelu_is_compared_with_the_run_that_differs_in_nothing_else() -> None:
    pairs = SMOOTH.pairs["rc-gelu-mlp"]
    known = pairs[(pairs["optimizer"] == "sgd") & (pairs["schedule"] == "constant")]
    assert known["least"].to_numpy() == pytest.approx([1.5, 1.5, 1.5])
    assert known["most"].to_numpy() == pytest.approx([1.5, 1.5, 1.5])
    others = pairs.drop(known.index)  # one time or both are limits, with both activations
    assert (others["least"] == 0).all()
    assert np.isinf(others["most"]).all()
    assert gelu.quotient(known).value == pytest.approx(1.5)
    assert not gelu.quotient(pairs).known  # most of the pairs say nothing
    assert gelu.paired(PART.times, PART.times[PART.times["seed"] == 1])["seed"].tolist() == [1] * 4


def test_figures_show_every_time_hollow_where_it_is_a_limit() -> None:
    (ax,) = FIGURES["late_times"](Theme()).axes
    hollow: list[float] = []
    filled: list[float] = []
    for dots in (c for c in ax.collections if isinstance(c, PathCollection)):
        if len(places := np.asarray(dots.get_offsets())):
            is_filled = not np.allclose(np.asarray(dots.get_facecolor())[0, :3], (1, 1, 1))
            (filled if is_filled else hollow).extend(places[:, 0].tolist())
    assert sorted(filled) == sorted([300.0, 900.0, 500.0, 10.0] * 3)
    assert hollow == [float(END)] * 12
    written = [text.get_text() for text in ax.texts]
    assert [word for word in ("3", "≤ 0.5", "≥ 100", "none") if word in written] == written[:4]


def test_alt_texts_say_the_numbers() -> None:
    assert "SGD, constant: patterns 0.45, weights 0.65" in draw.changes_alt(PART)
    assert "MNIST, AdamW, constant: at least 100" in draw.settling_times_alt(FOUND.parts)
    assert "25% of the inputs have their last pattern half-way" in draw.settled_alt(PART)
    assert "In 3 of them" in draw.both_activations_alt(SMOOTH.pairs["rc-gelu-mlp"])


def test_the_committed_runs_give_the_ratios_of_their_own_times() -> None:
    tables = published_evidence("late_stage", Project(ROOT)).tables
    for name in tables["runs"]["part"].unique():
        part = late_part(tables, str(name))
        assert part is not None
        assert len(part.times) == len(part.runs)
        least, most = networks.shares(part.times)
        exact = (part.times["censored"] == "").to_numpy()
        times = part.times.astype({"pattern_time": float, "weight_time": float})
        expected = (times["pattern_time"].clip(lower=1) / times["weight_time"]).to_numpy()
        assert least[exact] == pytest.approx(expected[exact], rel=1e-5)
        assert (least <= most).all()
        for schedule, optimizer in part.settings:
            steps, inputs = part.curve("settled_samples", optimizer, schedule)
            assert steps[-1] == part.steps
            assert (inputs[-1] == 1).all()
            assert (part.come("weight", optimizer, schedule)[1][-1] == 1).all()


def numbers(found: Estimate) -> dict[str, float]:
    given = {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
    return {name: float(value) for name, value in given.items() if value is not None}
