"""Many runs on MNIST of chapter 60: planted rows come back as claims, and as what figures take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.neuron_modes import figures, figures_units, headlines, many_runs
from regime_lib.chapters.neuron_modes import on_mnist as large
from regime_lib.chapters.neuron_modes.counts import KINDS
from regime_lib.chapters.neuron_modes.many_claims import STEPS, claims_of, layers_of_deep
from regime_lib.companion.figures.theme import Theme

Row = dict[str, Any]
_RUNS, _DEEP = 12, 17
_GONE = {2: 1, 6: 2, 10: 4}  # late activations that can be made linear
_NOT_TURNED = 3  # deep networks whose order of layers stays


def rows() -> pd.DataFrame:
    """Return rows as the runs write them, in no order."""
    found = [*_rule(), *_shallow(), *_layers(), *_deep()]
    return pd.DataFrame(found).sample(frac=1, random_state=0)


def _rule() -> Iterator[Row]:
    for seed in range(_RUNS):
        for place, rate in ((0, 0.03), (1, 0.1), (3, 0.37)):
            far = place * (1 + seed / 100)  # no two runs are alike, so that ranks are not tied
            numbers = {"slope": 2 - far, "accuracy": 0.6 + 0.01 * far + 0.02 * seed,
                       "accuracy there": 0.9, "equal loss": 0.1}  # fmt: skip
            yield from _each(numbers, part="rule", seed=seed, rate=rate)


def _shallow() -> Iterator[Row]:
    for seed in range(_RUNS):
        for step, slope in ((0, 0.0), (10, 2.0), (600, 1.5)):
            where = {"part": "shallow", "seed": seed, "kind": "tanh", "moment": "course"}
            yield from _each({"slope": slope, "accuracy": 0.5 + slope / 10}, **where, step=step)
        for kind in ("tanh", "Gaussian"):
            for moment, share in (("start", 0.0), ("peak", 0.2), ("end", 0.6)):
                alone = share if kind == "Gaussian" else 0.0
                numbers = {"alone": alone, "pair": share, "bound": share, "any": share}
                if moment == "end":
                    numbers |= {"shuffled": 0.7, "pair looser": 0.8, "pair stricter": 0.1}
                    for name in ("alignment", "participation", "closeness"):
                        numbers |= {f"keep {name}": 0.2, f"fold {name}": 0.4}
                where = {"part": "shallow", "seed": seed, "kind": kind, "moment": moment}
                yield from _each(numbers, **where)


def _layers() -> Iterator[Row]:
    for seed in range(_RUNS):
        for place, kind in enumerate(KINDS):
            for layer in range(5):
                numbers = {"readable": 0.9 + 0.001 * layer + 0.01 * place}
                if layer:  # the more units fold, the less is read
                    numbers |= dict.fromkeys(
                        ("any", "pair", "alone", "bound"), 0.55 - 0.05 * layer - 0.1 * place
                    )
                yield from _each(numbers, part="layers", seed=seed, kind=kind, layer=layer)
        yield from _cut(4, 2, part="layers", seed=seed)


def _deep() -> Iterator[Row]:
    for seed in range(_DEEP):
        for step, tilt in ((0, 0.0), (100, 1.0), (600, 1.0 if seed < _NOT_TURNED else -1.0)):
            for layer in range(1, 11):
                slope = 0.0 if not step else 2 + tilt * (5.5 - layer) / 10
                where = {"part": "deep", "seed": seed, "depth": 10, "step": step, "layer": layer}
                yield from _each({"slope": slope}, **where)
        if seed < _RUNS:
            for depth, gone in _GONE.items():
                yield from _cut(depth, gone, part="deep" if depth == 10 else "depths", seed=seed)


def _cut(depth: int, gone: int, **where: Any) -> Iterator[Row]:
    kept = {f"kept {k}": 0.9 if k >= depth - gone else 0.3 for k in range(depth + 1)}
    numbers = {"whole": 0.9, "removable": float(gone), "half": 60.0, **kept}
    return _each(numbers, **where, depth=depth)


def _each(numbers: dict[str, float], **where: Any) -> Iterator[Row]:
    return ({**where, "name": name, "value": value} for name, value in numbers.items())


def test_planted_numbers_come_back_as_claims() -> None:
    claims, numbers = claims_of(rows())
    values = {name: one.value for name, one in claims.items()}
    assert values["nd-slope-rise-and-fall"] == pytest.approx(0.25)
    assert values["nd-slope-rule"] == pytest.approx(-1)
    assert values["nd-rate-gain"] == pytest.approx(3 * (1 + np.arange(_RUNS).mean() / 100))
    assert values["nd-rate-gain-loss"] == pytest.approx(0)
    assert values["nd-units-gaussian"] == pytest.approx(0.6)
    assert values["nd-pairs-recruited"] == pytest.approx(0.4)
    assert values["nd-pairs-cooperate"] == pytest.approx(-0.1)
    assert values["nd-modes-alignment"] == pytest.approx(0.5)
    assert values["nd-extraction-folding"] == pytest.approx(-1, abs=0.1)
    assert values["nd-deep-phases"] == pytest.approx((_DEEP - _NOT_TURNED) / _DEEP)
    assert values["nd-late-linear"] == pytest.approx(4)
    assert values["nd-late-linear-depth"] == pytest.approx(3)
    assert claims["nd-deep-phases"].n == _DEEP
    assert claims["nd-deep-phases"].over == f"{_DEEP} runs of {STEPS['deep']} steps"
    assert claims["nd-slope-rule"].over == f"{_RUNS} runs of 1,500 steps"
    assert numbers["deep-share"] == f"{_DEEP - _NOT_TURNED} of {_DEEP}"
    assert numbers["slope-peak-step"] == 10
    assert (numbers["depths-said"], numbers["removable-said"]) == ("2, 6, 10", "1.0, 2.0, 4.0")
    assert numbers["truncation-half"] == 60


def test_what_was_not_run_is_not_judged() -> None:
    found = rows()
    few = found[(found["part"] == "rule") | (found["seed"] < 2)]
    claims, numbers = claims_of(few)
    assert claims.keys() == {"nd-slope-rule", "nd-rate-gain", "nd-rate-gain-loss"}
    assert numbers == {}


def test_layers_of_deep_networks_come_back_in_order() -> None:
    found = layers_of_deep(rows())
    assert found.steps.tolist() == [0, 100, 600]
    assert found.slope.shape == (3, 10, _DEEP)
    assert found.slope[1, 0, 5] == pytest.approx(2.45)  # the first layer, while it leads
    assert found.slope[2, 0, 5] == pytest.approx(1.55)


def test_figures_draw_the_runs_and_begin_with_what_they_found() -> None:
    found = large.on_mnist(rows())
    assert found.numbers["mnist-runs-deep"] == _DEEP
    assert found.numbers["mnist-steps-rule"] == 1500
    assert "On MNIST 60% (tanh) and" in headlines.units(found.units, "MNIST")
    assert "ReLU" not in headlines.units(found.units, "MNIST")  # none were counted
    read = headlines.readable(found.told, "MNIST")
    assert "0.901 (tanh)" in read
    assert "where 50% (tanh)" in read
    assert f"in {_DEEP - _NOT_TURNED} of {_DEEP} runs" in headlines.deep_layers(found.deep)
    assert "1.0 of 2, 2.0 of 6 and 4.0 of 10 activations" in headlines.by_depth(found.by_depth)
    assert "On MNIST slope and accuracy have a rank correlation of −1.00" in headlines.rule(
        found.rule, "MNIST"
    )
    theme = Theme()
    left, right = figures_units.units(theme, found.units).axes
    assert len(left.get_xticks()) == 4  # no ReLU units were counted
    assert len(right.get_xticks()) == 2
    assert "ReLU" not in figures_units.units_alt(found.units)
    assert len(figures.truncation(theme, found.late).axes) == 2
    assert "4 layers, shifts kept: 0.30, 0.30, 0.90" in figures.truncation_alt(found.late)


def test_runs_are_asked_for_split_by_split() -> None:
    points = list(many_runs.points())
    assert len(points) == sum(many_runs.RUNS.values())
    assert [point["seed"] for point in points] == sorted(point["seed"] for point in points)
    assert np.unique([point["part"] for point in points]).tolist() == sorted(STEPS)
