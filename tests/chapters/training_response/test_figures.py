"""The figures of chapter 30: drawn in every variant, they show what they are given."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.training_response import figures as draw
from regime_lib.chapters.training_response import figures_reductions, figures_tasks, scene
from regime_lib.chapters.training_response.measure import Measurements, rotation
from regime_lib.chapters.training_response.tasks import TRAININGS
from regime_lib.companion.figures.scene import Line, Points
from regime_lib.companion.figures.theme import Theme
from tests.chapters.training_response.tiny import TINY
from tests.chapters.training_response.tiny import tiny_measurements as tiny

FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "relu": lambda theme: draw.response(theme, tiny().response, "relu"),
    "elu": lambda theme: draw.response(theme, tiny().response, "elu"),
    "two kernels": lambda theme: draw.two_kernels(theme, tiny().kernels),
    "stages": lambda theme: draw.stages(theme, tiny().stages),
    "separability": lambda theme: draw.separability(theme, tiny().separability),
    "noise": lambda theme: draw.noise(theme, tiny().noise),
    "regression": lambda theme: draw.regression(theme, tiny().regression),
    "flips": lambda theme: draw.flips(theme, tiny().flips),
    "unstable rates": lambda theme: draw.unstable_rates(theme, tiny().unstable_rates),
    "one weight": lambda theme: figures_reductions.one_weight(theme, tiny().one_weight),
    "targets": lambda theme: scene.one_weight_targets(theme, tiny().one_weight),
    "rotation": lambda theme: figures_reductions.rotation(theme, tiny().rotation),
    "features": lambda theme: figures_tasks.feature_spaces(theme, tiny().feature_spaces),
    "steps": lambda theme: figures_tasks.features_by_step(theme, tiny().feature_spaces),
    "competition": lambda theme: figures_tasks.competition(theme, tiny().competition),
    "held": lambda theme: figures_tasks.held(theme, tiny().fragility),
    "lazy": lambda theme: figures_reductions.lazy(theme, tiny().lazy),
    "correlations": lambda theme: figures_tasks.correlations(theme, tiny().fragility),
}


@pytest.fixture(scope="module")
def measured() -> Measurements:
    return tiny()


def test_guides_have_the_exponents_that_they_name() -> None:
    ax = FIGURES["relu"](Theme()).axes[0]
    guides = [line for line in ax.lines if len(line.get_xdata()) == 2]
    found = [
        np.diff(np.log(line.get_ydata()))[0] / np.diff(np.log(line.get_xdata()))[0]
        for line in guides
    ]
    assert found == pytest.approx([-2, -1])
    assert {text.get_text() for text in ax.texts} == {"−2", "−1"}


def test_the_closed_form_stands_beside_relu_kernels_alone() -> None:
    for name, shown in (("relu", True), ("elu", False)):
        labels = {line.get_label() for line in FIGURES[name](Theme()).axes[2].lines}
        assert ("closed form" in labels) == shown
        assert {"epoch 1", "epoch 400"} <= labels


def test_correlations_show_values_and_intervals_in_their_rows(measured: Measurements) -> None:
    (ax,) = FIGURES["correlations"](Theme()).axes
    points = {line.get_label(): line for line in ax.lines}
    for place, group in enumerate(("ReLU", "ELU", "both")):
        found = [
            estimate for key, estimate in measured.fragility.correlations.items() if key[1] == group
        ]
        assert points[group].get_xdata().tolist() == [estimate.value for estimate in found]
        assert [round(y) for y in points[group].get_ydata()] == [0, -1, -2, -3, -4]
        ends = [path.vertices[:, 0].tolist() for path in ax.collections[place].get_paths()]
        assert [[e.low, e.high] for e in found if e.low is not None] == [
            pair for pair in ends if np.isfinite(pair).all()
        ]


def test_large_points_stand_at_the_median_and_the_mean(measured: Measurements) -> None:
    ax = FIGURES["features"](Theme()).axes[1]
    large = {line.get_label(): line for line in ax.lines}
    found = measured.feature_spaces
    for k, training in enumerate(TRAININGS[:3]):
        (x,), (y,) = large[figures_tasks.NAMES[training]].get_data()
        assert x == pytest.approx(np.median(found.effective[1, k, 0]))
        assert y == pytest.approx(np.mean(found.flipped[1, k, 0]))


def test_what_is_left_at_step_zero_stands_at_step_zero(measured: Measurements) -> None:
    ax = FIGURES["steps"](Theme()).axes[0]
    bars = [bar[0].get_data() for bar in ax.containers]
    limits = measured.feature_spaces.limits
    for (x, y), training in zip(bars, TRAININGS[1:], strict=True):
        assert y[0] == limits["ReLU", training].value
        assert abs(x[0]) < 0.02 * measured.feature_spaces.rates[0]


def test_every_stop_of_the_scene_shows_its_own_setting(measured: Measurements) -> None:
    found = scene.one_weight_scene(measured.one_weight)
    assert len(found.frames) == len(measured.one_weight.chosen)
    line, points = found.frames[3, 1, 0].marks[0]
    assert isinstance(line, Line)
    assert isinstance(points, Points)
    own, law = measured.one_weight.chosen[1.0, 1.0, 0.6]
    np.testing.assert_array_equal(points.y, own)
    np.testing.assert_array_equal(line.y, law)
    assert "η a² = 1;" in found.frames[3, 1, 0].readout


def test_alt_texts_quote_the_results(measured: Measurements) -> None:
    exponent = measured.response.exponents["elu", "squared", "output"]
    assert f"squared, output: {exponent:.2f}" in draw.response_alt(measured.response, "elu")
    assert f"{measured.stages.halved['logit']:.2f}." in draw.stages_alt(measured.stages)
    assert f"{measured.flips.numbers['flips-share']:.2f} per cent" in draw.flips_alt(measured.flips)
    top = measured.kernels.numbers["output-top"]
    assert f"{top:.0f} times" in draw.two_kernels_alt(measured.kernels)
    for told in (
        draw.separability_alt(measured.separability),
        draw.noise_alt(measured.noise),
        draw.regression_alt(measured.regression),
        draw.unstable_rates_alt(measured.unstable_rates),
        figures_reductions.rotation_alt(measured.rotation),
        figures_tasks.feature_spaces_alt(measured.feature_spaces),
        figures_tasks.correlations_alt(measured.fragility),
        figures_tasks.features_by_step_alt(measured.feature_spaces),
        figures_tasks.competition_alt(measured.competition),
        figures_tasks.held_alt(measured.fragility),
        figures_reductions.lazy_alt(measured.lazy),
    ):
        assert "nan" not in told


def test_bits_of_0_and_1_have_no_limit_to_show() -> None:
    found = rotation(dataclasses.replace(TINY, coding="bits", epochs=300))
    labels = [
        line.get_label() for line in figures_reductions.rotation(Theme(), found).axes[2].lines
    ]
    assert labels == ["epoch 1", "epoch 10⁴", "epoch 10³⁰"]
    assert "limit" not in figures_reductions.rotation_alt(found)
