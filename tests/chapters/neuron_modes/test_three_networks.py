"""Three networks against plain training and a linear map written out; their statistics by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regime_lib.chapters.neuron_modes.three_networks import (
    THREE,
    ThreeNetworks,
    three_networks,
    twin_slopes,
)
from regime_lib.chapters.neuron_modes.training import accuracy_of
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.chapters.small_data import CLASSES, FEATURES, small_data, small_setup
from tests.sentences import refusal

SEEDS = [4, 11]
SIZES = (12, 40, 60, 90)


def test_networks_see_their_own_samples_and_the_map_is_the_product_of_weights() -> None:
    found = three_networks(small_setup(), 7, SEEDS, SIZES)
    np.testing.assert_array_equal(found.sizes, SIZES)
    assert found.few == 1
    assert all(found.accuracy[name].shape == (4, 2) for name in THREE)
    for row, size in enumerate(SIZES):
        for member, seed in enumerate(SEEDS):
            part = small_data().redrawn(seed).subset(size, 40)
            for name, activation in (("tanh net", "tanh"), ("linear net", "linear")):
                net = MLP((FEATURES, 7, CLASSES), seed, activation)
                plan = TrainingConfig(optimizer="adam", lr=1e-3, steps=20, batch_size=min(16, size))
                train(net, part, plan, seed, evaluations=1)
                assert found.accuracy[name][row, member] == pytest.approx(accuracy_of(net, part))
                if name == "tanh net":
                    first, shift, last, offset = (w.detach() for w in net.parameters())
                    logits = part.test_inputs @ (last @ first).T + last @ shift + offset
                    right = (logits.argmax(1) == part.test_labels).double().mean()
                    assert found.accuracy["linear map of it"][row, member] == pytest.approx(
                        float(right)
                    )
    longer = replace(small_setup(), steps=900)  # in few steps no rank changes
    tanh, linear = twin_slopes(longer, 7, SEEDS, 90).values()
    assert not np.array_equal(tanh, linear)
    few = twin_slopes(small_setup(), 7, SEEDS, 40)
    most = twin_slopes(small_setup(), 7, SEEDS, 90)
    for name, slopes in found.slope.items():
        np.testing.assert_array_equal(slopes, [few[name], most[name]])


def made_up() -> ThreeNetworks:
    """Two seeds, four sizes; the tanh net is ahead from the third size on."""
    tanh = np.array([[0.5, 0.5], [0.6, 0.6], [0.8, 0.82], [0.9, 0.92]])
    bent = np.array([[0.5, 0.52], [0.58, 0.6], [0.7, 0.72], [0.8, 0.84]])
    linear = np.array([[0.49, 0.5], [0.6, 0.64], [0.71, 0.7], [0.82, 0.8]])
    slope = {
        "tanh net": np.array([[2.0, 4.0], [1.0, 2.0]]),
        "linear net": np.array([[1.0, 2.0], [2.0, 4.0]]),
    }
    return ThreeNetworks(
        np.array(SIZES), 1, dict(zip(THREE, (tanh, bent, linear), strict=True)), slope
    )


def test_gaps_leads_and_slopes_are_taken_over_the_chosen_seeds() -> None:
    found, both, second = made_up(), np.arange(2), np.array([1, 1])
    # means at the two small sizes: .50 .51 .495 and .60 .59 .62
    assert found.largest_gap(both) == pytest.approx(3)
    assert found.largest_gap(second) == pytest.approx(4)
    assert found.lead(both) == pytest.approx(100 * (0.91 - 0.82))
    assert found.lead(second) == pytest.approx(100 * (0.92 - 0.84))
    assert found.slope_ratio(both) == pytest.approx(2)
    assert found.linear_excess(both) == pytest.approx(1.5)
    assert found.linear_excess(second) == pytest.approx(2)


def test_the_parting_is_where_the_lead_begins_and_stays() -> None:
    found = made_up()
    assert found.parting == 60
    found.accuracy["tanh net"][3] = 0.8  # falls back at the end
    assert found.parting is None
    found.accuracy["tanh net"][:] = 1.0
    assert found.parting == 12


def test_sizes_must_rise() -> None:
    for sizes in ((90,), (40, 12), (12, 12)):
        refusal(
            "samples, rising", lambda sizes=sizes: three_networks(small_setup(), 7, SEEDS, sizes)
        )
    refusal("expected 1 to 90", lambda: three_networks(small_setup(), 7, SEEDS, (40, 91)))
