"""The figures of chapter 24 show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.freeze_patterns import figures as draw
from regime_lib.chapters.freeze_patterns.heads import Head
from regime_lib.chapters.freeze_patterns.parts import Frozen, frozen
from regime_lib.chapters.freeze_patterns.scene import freeze_scene, still
from regime_lib.companion.figures.render import render_figure
from regime_lib.companion.figures.theme import Theme
from tests.chapters.freeze_patterns.tables import STEPS, branches, times
from tests.companion.refusals import refused


def made(**choices) -> Frozen:
    table = branches(**choices)
    series = pd.DataFrame(
        {
            "dataset": "digits",
            "architecture": "mlp",
            "optimizer": optimizer,
            "schedule": "cosine",
            "seed": seed,
            "step": step,
            "value": 1 / step,
        }
        for optimizer in set(table["optimizer"])
        for seed in range(12)
        for step in (1, 10, 100, STEPS)
    )
    tables = {"branches": table, "times": times(lambda seed: 10.0 + seed), "series": series}
    return frozen(tables, "digits", "-digits", 0)


def cost(seed: int, share: float) -> float:
    """A point less twice the share, but every third run is free from a tenth on."""
    return 0.0 if seed % 3 == 0 and share > 0 else 2 * (0.5 - share)


@cache
def found() -> Frozen:
    """Made when a test needs it: every worker imports this module."""
    return made(cost=cost)


SPEED = pd.DataFrame(
    {"what": what, "form": form, "round": k, "seconds": 0.001 * (k + 1), "reached": k > 0}
    for what, forms in (("step", draw._STEP_FORMS), ("race", draw._RACE_FORMS))
    for form in forms
    for k in range(3)
)
VALUES = np.array([0.5, 0.6])
HEADS = [
    Head(
        hidden,
        10,
        100,
        dict.fromkeys(("unfrozen", "factors", "least squares"), VALUES / 10),
        dict.fromkeys(("unfrozen", "factors", "least squares", "logistic"), VALUES),
    )
    for hidden in ((16,), (8, 8))
]


def both() -> dict[str, Frozen]:
    return {"digits": found(), "others": found()}


def networks() -> dict[str, pd.DataFrame]:
    return dict.fromkeys(("cnn", "text"), found().table)


FIGURES: dict[str, tuple[Callable[[Theme], Figure], Callable[[], str]]] = {
    "fig-costs": (lambda t: draw.costs_over_time(t, found()), lambda: draw.costs_alt(found())),
    "fig-networks": (
        lambda t: draw.other_networks(t, networks()),
        lambda: draw.other_networks_alt(networks()),
    ),
    "fig-predictions": (
        lambda t: draw.predictions(t, both()),
        lambda: draw.predictions_alt(both()),
    ),
    "fig-partly": (lambda t: draw.partly(t, both()), lambda: draw.partly_alt(both())),
    "fig-heads": (lambda t: draw.heads(t, HEADS), lambda: draw.heads_alt(HEADS)),
    "fig-worth": (lambda t: draw.worth(t, SPEED), lambda: draw.worth_alt(SPEED)),
    "fig-still": (lambda t: still(t, found()), lambda: draw.costs_alt(found())),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_read_in_every_variant(name: str) -> None:
    figure, alt = FIGURES[name]
    assert len(render_figure(figure, name, "A caption.", alt()).pictures) == 4


def test_lines_are_medians() -> None:
    ax = draw.costs_over_time(Theme(), found()).axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1.0, 0.8, 0.0])
    assert "0 %: 1.00, 10 %: 0.80, 50 %: 0.00" in draw.costs_alt(found())


def test_the_claims_of_both_groups_have_the_same_names() -> None:
    assert all(name.endswith("-digits") for name in found().claims)
    assert found().claims["tb-freeze-half-digits"].value == pytest.approx(0.0)
    assert found().claims["tb-freeze-start-digits"].value == pytest.approx(1.0)
    assert found().claims["tb-freeze-inputs-digits"].value == pytest.approx(-0.1)
    early = 0.8 * 2 / 3
    assert found().claims["tb-freeze-noise-digits"].value == pytest.approx(early)


def test_runs_that_are_all_alike_have_no_correlation() -> None:
    same = made()
    assert found().ranking["correlation"].notna().all()
    assert "no definition varies with it" in draw.predictions_alt({"digits": same})
    assert (
        len(
            render_figure(
                lambda t: draw.predictions(t, {"d": same}), "fig-p", "C.", "x" * 50
            ).pictures
        )
        == 4
    )


def test_the_scene_has_a_frame_for_each_share_and_training() -> None:
    scene = freeze_scene(found())
    assert len(scene.frames) == 3 * 2
    assert scene.frames[1, 0].readout.startswith("frozen after 10 % of 200 steps: 0.53 points")


def test_a_scene_of_one_training_is_refused() -> None:
    with refused("two settings"):
        freeze_scene(made(optimizers=("adamw",)))
