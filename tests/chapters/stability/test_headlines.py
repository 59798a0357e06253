"""Headlines of the chapter on stability say the measured numbers."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.stability import headlines
from regime_lib.chapters.stability.measure import (
    AlongTraining,
    BeyondRadius,
    FlipLaw,
    Radius,
    Regions,
)
from regime_lib.chapters.stability.regions import Snapshot
from tests.chapters.bare import bare


def test_attacks_within_a_radius_are_counted() -> None:
    ratios = {"MLP": np.array([0.5, 0.6, 0.7]), "CNN": np.array([0.8, 0.9, 1.0])}
    sound = bare(Radius, ratios=ratios, flips=0)
    assert headlines.tightness(sound).startswith("No attack flips a unit within")
    assert "0.60 to 0.90 of the smallest" in headlines.tightness(sound)
    broken = bare(Radius, ratios=ratios, flips=3)
    assert headlines.tightness(broken).startswith("3 attacks flip a unit within")


def test_the_first_size_that_flips_half_is_named_or_that_there_is_none() -> None:
    shares = {"gradient": np.array([0.0, 0.6, 1.0]), "random": np.array([0.0, 0.0, 0.2])}
    beyond = bare(BeyondRadius, sizes=np.array([0.5, 1.5, 3.0]), flipped={"MLP": shares})
    assert headlines.beyond_radius(beyond) == (
        "Attacks along the gradient change half of the patterns at 1.5 radii (MLP), random ones "
        "at no size (MLP)."
    )


def test_other_headlines_say_their_numbers() -> None:
    law = bare(
        FlipLaw,
        over_law={"a": np.array([0.5, 0.7]), "b": np.array([2.0])},
        over_law_of_change={"a": np.array([1.0]), "b": np.array([1.1])},
    )
    assert "0.60 to 2.00 times" in headlines.flip_law(law)
    assert "1.00 to 1.10" in headlines.flip_law(law)
    numbers = {"stable-sgd": 0.9, "stable-adam": 0.8, "late-sizes-sgd": 0.3, "late-sizes-adam": 0.1}
    training = bare(AlongTraining, numbers=numbers)
    said = headlines.along_training(training)
    assert "0.90 (SGD) and 0.80 (Adam)" in said
    assert said.endswith("proves it for 0.30 (SGD) and 0.10 (Adam).")
    regions = bare(Regions, snapshots=[bare(Snapshot, sizes=[1] * n) for n in (3, 9)])
    assert headlines.regions(regions) == "Training takes this network from 3 linear regions to 9."
