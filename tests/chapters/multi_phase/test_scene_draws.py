"""The networks that a reader draws: the picture's data are the chapter's, its caption counts."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.multi_phase import scene_draws
from regime_lib.chapters.multi_phase.switches import Sensitivity
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.two_layer.problem import TwoPoints


def found(*switched: float) -> Sensitivity:
    ratios = np.linspace(0.4, 0.8, len(switched))
    law = np.linspace(0.3, 0.9, 5), np.geomspace(1e2, 1e8, 5)
    return Sensitivity({}, {}, 1e9, ratios, np.array(switched), *law, 1.05)


@pytest.mark.parametrize(
    ("switched", "said"),
    [
        ((1e3, 1e5), "All 2 networks of one width switch; the times of those that do span 2.0 "),
        ((1e3, 1e4, np.nan), "1 of 3 networks of one width never switch; the times of those that"),
        ((np.nan, np.nan), "None of 2 networks of one width switches."),
    ],
)
def test_the_caption_counts_who_switches(switched: tuple[float, ...], said: str) -> None:
    assert scene_draws.draws_caption(found(*switched)).startswith(said)


def test_the_page_gets_the_chapters_problem_and_law() -> None:
    picture = scene_draws.draws(TwoPoints(3.0, 0.2, 0.5), found(1e3, 1e5), kappa1=1e-4, d=7)
    problem = picture.data["problem"]
    assert (problem["p"], problem["delta"], problem["kappa2"]) == (3.0, 0.2, 0.5)
    assert (problem["kappa1"], problem["d"], problem["end"]) == (1e-4, 7, 1e9)
    assert picture.data["law"]["y"][0] == pytest.approx(1e2)
    assert scene_draws.still(Theme(), found(1e3, 1e5)).axes
