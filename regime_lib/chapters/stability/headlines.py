"""What each figure of the chapter on stability found, in one sentence of measured numbers."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.stability.measure import (
    AlongTraining,
    BeyondRadius,
    FlipLaw,
    Radius,
    Regions,
)

_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}


def tightness(radius: Radius) -> str:
    """State how near to the certified radii attacks come, and whether any succeeds below one."""
    medians = [float(np.median(ratio)) for ratio in radius.ratios.values()]
    broken = f"{radius.flips} attacks flip" if radius.flips else "No attack flips"
    return (
        f"{broken} a unit within its certified radius; the radius is {min(medians):.2f} to "
        f"{max(medians):.2f} of the smallest movement that does."
    )


def beyond_radius(beyond: BeyondRadius) -> str:
    """State how soon beyond the radius attacks along the gradient flip half of the inputs."""
    words = []
    for kind in ("gradient", "random"):
        sizes = []
        for name, shares in beyond.flipped.items():
            reached = beyond.sizes[shares[kind] >= 0.5]
            sizes.append(f"{reached[0]:g} radii ({name})" if len(reached) else f"no size ({name})")
        words.append(" and ".join(sizes))
    return (
        f"Attacks along the gradient change half of the patterns at {words[0]}, random ones at "
        f"{words[1]}."
    )


def flip_law(law: FlipLaw) -> str:
    """State how far from one the law is in its worst layer, knowing more or less."""
    ends = []
    for ratios in (law.over_law, law.over_law_of_change):
        means = [float(ratio.mean()) for ratio in ratios.values()]
        ends.append(f"{min(means):.2f} to {max(means):.2f}")
    return (
        f"Flips are {ends[0]} times the law that knows the relative step alone, and {ends[1]} "
        "times the one that knows each unit."
    )


def regions(found: Regions) -> str:
    """State how many linear regions there are before and after training."""
    counts = [len(snapshot.sizes) for snapshot in found.snapshots]
    return f"Training takes this network from {counts[0]} linear regions to {counts[-1]}."


def along_training(training: AlongTraining) -> str:
    """State which share of inputs provably keeps its pattern, by what the proof knows."""
    kept, proven = (
        " and ".join(
            f"{training.numbers[f'{quantity}-{key}']:.2f} ({name})"
            for key, name in _OPTIMIZERS.items()
        )
        for quantity in ("stable", "late-sizes")
    )
    return (
        f"Late in training a share of {kept} of the inputs keeps its whole pattern in a step; the "
        f"size of each weight's change proves it for {proven}."
    )
