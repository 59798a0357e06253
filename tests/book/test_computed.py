"""Pictures that the page computes: its programs against the library, its controls in a browser."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from playwright.sync_api import Browser, Page, expect
from scipy.special import logit

from regime_lib.chapters.attraction_basins import scene as noise_scene
from regime_lib.chapters.deep_linear import scene as staircase_scene
from regime_lib.chapters.multi_phase import scene_draws
from regime_lib.chapters.multi_phase.switches import Sensitivity
from regime_lib.chapters.tracking import parts
from regime_lib.chapters.tracking import scene as threshold_scene
from regime_lib.companion.figures.computed import Computed, packed, with_computed
from regime_lib.companion.figures.render import render_figure
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.figure_page import figure_html
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.timescales import smooth, time_scales
from regime_lib.lab.models.mlp import MLP
from regime_lib.simulators.deep_linear.solutions import learning_time
from regime_lib.simulators.two_layer.phases import measure_phases
from regime_lib.simulators.two_layer.problem import TwoPoints, random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow
from tests.book.browsing import PATIENCE, one_page, served

pytestmark = pytest.mark.book

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"
PAGE = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<title>Computed</title><link rel="stylesheet" href="cards.css">
<script defer src="compute.js"></script><script defer src="scene.js"></script></head>
<body><main>{figures}</main></body></html>"""
ALT = "What the page draws while a reader moves it, as the tests of this folder read it."

RANDOM = np.random.default_rng(0)
STEPS = np.arange(1, 2001)
WINDOW = 51
PROBLEM = TwoPoints(4.0, 0.3, 1.0)
NETS = {layers: MLP((16, *[8] * layers, 3), seed=layers) for layers in (1, 6)}


def decays(scales: tuple[float, ...], floor: float) -> np.ndarray:
    """Return smoothed decays, one a column; the last stays on its floor."""
    noise = 1 + 0.2 * RANDOM.random((len(STEPS), len(scales)))
    raw = np.exp(-STEPS[:, None] / np.array(scales)) * noise
    raw[:, -1] += floor
    return smooth(raw, WINDOW)


def ratios() -> parts.Ratios:
    patterns, weights = decays((60.0, 90.0, 120.0), 0.0), decays((200.0, 250.0, 300.0), 0.2)
    settled = parts.Settling(1.0, 2.0, "exact", np.ones(3), np.zeros((3, 2), bool))
    return parts.Ratios(
        {}, {}, {"adam": (STEPS, patterns), "sgd": (STEPS, patterns)},
        {"adam": (STEPS, weights), "sgd": (STEPS, patterns)}, {"adam": settled, "sgd": settled},
    )  # fmt: skip


FOUND = ratios()
DRAWN = Sensitivity(
    {}, {}, 1e9, np.array([0.5, 0.7]), np.array([1e3, np.nan]),
    np.linspace(0.3, 0.9, 5), np.geomspace(1e2, 1e8, 5), 1.05,
)  # fmt: skip
NOISY = noise_scene.Noisy(
    NETS, torch.randn(6, 16, generator=torch.Generator().manual_seed(0)),
    torch.tensor([0, 1, 2, 0, 1, 2]), {"inputs": {1: 1.5, 6: 1.25}, "weights": {1: 2.0, 6: 0.5}},
)  # fmt: skip


def pictures() -> dict[str, Computed]:
    return {
        "fig-thresholds": threshold_scene.thresholds(FOUND),
        "fig-staircase": staircase_scene.learning(),
        "fig-draws": scene_draws.draws(PROBLEM, DRAWN, kappa1=1e-3, d=20),
        "fig-noise": noise_scene.noise(NOISY),
    }


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    def draw(theme: Theme) -> Figure:
        return theme.panels()[0]

    still = render_figure(draw, "fig-still", "Any. Move it.", ALT)
    folder = tmp_path_factory.mktemp("computed")
    for name in ("compute.js", "scene.js", "cards.css"):
        shutil.copyfile(STATIC / name, folder / name)
    figures = [
        figure_html(with_computed(dataclasses.replace(still, name=name), one), "10_tiny")
        for name, one in pictures().items()
    ]
    text = PAGE.format(figures="".join(figures))
    (folder / "page.html").write_text(text, encoding="utf-8")
    with served(folder) as origin:
        yield origin


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    with one_page(browser, address) as opened:
        yield opened


def live(page: Page, name: str) -> Any:
    """Bring a picture into view, where it begins to live."""
    page.locator(f"#{name}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{name}.rl-live")
    return page.locator(f"#{name}")


@pytest.mark.parametrize(
    ("how", "kind"), [*enumerate(("peak", "first", "cum"))], ids=["for good", "first time", "sum"]
)
def test_settling_times_are_those_of_the_instrument(page: Page, how: int, kind: str) -> None:
    chosen = threshold_scene.sampled(STEPS)
    for values in (FOUND.patterns["adam"][1], FOUND.weights["adam"][1]):
        over_peak = values / values.max(axis=0)
        for q in (0.05, 0.1, 0.4):
            # both smooth already, so the instrument is asked not to
            level = 1 - q if kind == "cum" else q
            times, censored = time_scales(STEPS, over_peak, Definition(kind, level, 1))
            found = [
                page.evaluate(
                    "([steps, v, how, q]) => window.regimeCompute.settles(steps, v, how, q, 1)",
                    [STEPS[chosen].tolist(), column[chosen].tolist(), how, q],
                )
                for column in over_peak.T
            ]
            for here, there, is_open in zip(found, times, censored, strict=True):
                assert (here == np.inf) == is_open
                if not is_open:
                    assert here == pytest.approx(there, rel=0.03, abs=3)


def test_a_mode_is_learnt_when_the_closed_form_says(page: Page) -> None:
    for depth, sigma, start in ((1, 2.0, 0.1), (2, 3.0, 1e-3), (3, 1.0, 1e-4), (4.5, 2.0, 1e-2)):
        found = page.evaluate("a => window.regimeCompute.mode(...a)", [depth, sigma, start, 90])
        for value in (start * 3, sigma / 2, 0.99 * sigma):
            time = np.interp(
                logit(value / sigma), logit(np.divide(found["values"], sigma)), found["times"]
            )
            expected = learning_time(value, depth, sigma, start)  # type: ignore[arg-type]
            assert time == pytest.approx(expected, rel=2e-3)


def test_the_flow_is_the_exact_one_from_event_to_event(page: Page) -> None:
    problem = {"p": 4.0, "delta": 0.3, "kappa1": 1e-3, "kappa2": 1.0, "d": 20, "end": 1e7}
    for seed in (1, 2):
        begin = random_neurons(40, seed)
        exact = exact_flow(PROBLEM, begin, problem["end"])
        phases = measure_phases(exact)
        places = begin.projections(PROBLEM).tolist()
        found = page.evaluate(
            "([problem, begin]) => window.regimeCompute.flow(problem, begin)",
            [problem, {"places": places, "signs": begin.signs.tolist()}],
        )
        times, losses = np.array(found["t"]), np.array(found["loss"])
        seen = (times > 1e-4) & (times < problem["end"])
        np.testing.assert_allclose(losses[seen], exact.loss(times[seen]), rtol=1e-5)
        expected = (phases.accurate, phases.off_first, phases.on_first)
        for key, time in zip(("accurate", "off", "on"), expected, strict=True):
            assert found[key] == pytest.approx(time, rel=1e-4, nan_ok=True)
        living = [round(40 * share) for share in (phases.alive_plus, phases.alive_minus)]
        assert found["alive"] == living


def test_the_page_answers_as_the_network_does(page: Page) -> None:
    inputs = torch.randn(64, 16, generator=torch.Generator().manual_seed(1))
    for net in NETS.values():
        with torch.no_grad():
            expected = net(inputs).argmax(-1).tolist()
        found = page.evaluate(
            """([layers, inputs]) => { const c = window.regimeCompute;
              return c.answers(layers.map(({w, b}) => ({w: c.unpack(w), b: c.unpack(b)})),
                               c.unpack(inputs), 64); }""",
            [noise_scene.layers_of(net), packed(inputs.numpy())],
        )
        assert np.mean(np.array(found) == expected) > 0.98  # two bytes a number


def test_packed_numbers_come_out_as_they_were(page: Page) -> None:
    values = RANDOM.normal(size=(3, 5))
    found = page.evaluate("a => [...window.regimeCompute.unpack(a)]", packed(values))
    np.testing.assert_allclose(found, values.ravel(), atol=np.ptp(values) / 65535)


def test_the_threshold_is_dragged_and_the_ratio_and_its_censoring_follow(page: Page) -> None:
    figure = live(page, "fig-thresholds")
    said = figure.locator(".rl-readout")
    figure.locator("select").first.select_option("0")  # the optimiser whose last run has a floor
    expected = re.compile(r"weights at step \d+ \(2 of 3 runs\); ratio .* a bound")
    expect(said).to_have_text(expected, timeout=PATIENCE)  # drawn with the next frame
    box = figure.locator(".rl-drag").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 50, box["y"] + 0.12 * box["height"], steps=3)
    page.mouse.up()
    page.wait_for_function(
        "() => document.querySelector('#fig-thresholds .rl-readout').value.includes('3 of 3 runs)')"
    )
    value = float(figure.locator("input[type=range]").evaluate("input => Math.exp(input.value)"))
    height = np.log(1.3 / 1.5e-3)
    assert value == pytest.approx(1.3 * np.exp(-0.12 * height), rel=0.05)
    figure.locator("select").last.select_option("2")
    page.wait_for_function(
        "() => document.querySelector('#fig-thresholds .rl-readout').value.includes('ratio')"
    )


@pytest.mark.parametrize(
    ("name", "place", "value", "words"),
    [
        ("fig-staircase", 0, "2.5", "Depth 2.5"),
        ("fig-draws", 1, "4", "draw 4"),
        ("fig-noise", 0, "5", "this 2"),
    ],
)
def test_each_picture_follows_its_sliders(
    page: Page, name: str, place: int, value: str, words: str
) -> None:
    figure = live(page, name)
    figure.locator("input[type=range]").nth(place).fill(value)
    page.wait_for_function(
        "([name, words]) => document.querySelector(`#${name} .rl-readout`).value.includes(words)",
        arg=[name, words],
    )
    assert figure.locator("svg path.rl-line, svg .rl-area").count() > 2
