"""Competing kernels, properties of data, and lazy training agree with loops and closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regime_lib.chapters.training_response.data import (
    COUNTS,
    count_regions,
    share_by_kernels,
    share_like_nearest,
)
from regime_lib.chapters.training_response.lazy import SCALES, WIDTHS
from regime_lib.simulators.training_response.networks import make_networks
from regime_lib.simulators.training_response.setup import Setup
from regime_lib.simulators.training_response.tasks import random_task
from tests.chapters.training_response.tiny import tiny_measurements as tiny

_SMALL = Setup(bits=5, features=12)


def test_regions_are_those_of_a_flood() -> None:
    decided = np.random.default_rng(0).random((20, 32)) < 0.4
    found = count_regions(decided)
    for own, count in zip(decided, found, strict=True):
        left, regions = set(range(32)), 0
        while left:
            regions, reached = regions + 1, [left.pop()]
            while reached:
                place = reached.pop()
                beside = {place ^ (1 << bit) for bit in range(5)} & left
                alike = {other for other in beside if own[other] == own[place]}
                left -= alike
                reached += alike
        assert count == regions
    assert len(set(found)) > 2


def test_shares_are_those_of_a_loop_over_all_inputs() -> None:
    task = random_task(_SMALL, range(3), 4)
    task = replace(task, labels=np.tile([0.0, 1.0], (3, 2)))
    decided = np.random.default_rng(1).random((3, 32)) < 0.5
    start, inputs = make_networks(_SMALL, range(3)), _SMALL.all_inputs()
    signs = np.array([-1, 1, -1, 1])
    for seed in range(3):
        near, kernels = [], []
        for x, one in zip(inputs, decided[seed], strict=True):
            apart = (x != task.inputs[seed]).sum(axis=1)
            if apart.min() == 0:
                continue
            pulls = [
                start.tangent_kernel(x[None], np.repeat(trained[None], 3, axis=0))[seed, 0]
                for trained in task.inputs[seed]
            ]
            kernels.append((signs @ pulls > 0) == one)
            to_zero, to_one = apart[::2].min(), apart[1::2].min()
            if to_zero != to_one:
                near.append((to_one < to_zero) == one)
        assert share_like_nearest(_SMALL, task, decided)[seed] == pytest.approx(np.mean(near))
        assert share_by_kernels(start, task, decided)[seed] == pytest.approx(np.mean(kernels))


def test_claims_on_competition_are_means_over_networks_and_tasks() -> None:
    found = tiny().competition
    assert found.claims["tr-splitting"].value == pytest.approx(found.nearest[:, 0].mean())
    eight = found.by_kernels[:, COUNTS.index(8)].mean()
    assert found.claims["tr-splitting-many"].value == pytest.approx(eight)


def test_factors_of_the_data_are_never_below_one() -> None:
    found = tiny().data_sets
    for name in ("coding", "correlation", "size"):
        ratio, claim = found.numbers[f"data-{name}"], found.claims[f"tr-data-{name}"]
        assert isinstance(ratio, float)
        assert claim.value == pytest.approx(max(ratio, 1 / ratio))
    assert len(found.table) == 4


def test_a_lazy_kernel_changes_as_the_leading_order_says() -> None:
    """2 (q z / κ)² at the trained input, and falling with the square of κ at all inputs."""
    found = tiny().lazy
    assert found.claims["tr-lazy-law"].value == pytest.approx(1, abs=0.01)
    wide = np.median(found.changes["relu", "width"][-1]) * found.sizes["width"][-1] ** 2
    assert 0.5 < wide / 2 < 2
    for name, values in (("width", WIDTHS), ("scale", SCALES)):
        assert (np.diff(np.median(found.changes["elu", name], axis=1)) < 0).all()
        assert len(found.sizes[name]) == len(values)
    assert found.claims["tr-response-tangent"].value < 0.01


def test_exponents_of_other_features_are_of_runs_with_them() -> None:
    measured = tiny()
    table = measured.exponents.table.set_index(["features", "loss"])
    for loss, short in (("cross-entropy", "ce"), ("squared", "mse")):
        for features in ("ELU", "tanh", "GELU"):
            claim = measured.exponents.claims[f"tr-exponent-{short}-{features.lower()}"]
            assert claim.value == pytest.approx(table.loc[(features, loss), "at the output"])
