"""The plane through three samples holds them, and shows what a network answers at each point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from regime_lib.chapters.attraction_basins.planes import plane_through
from regime_lib.lab.models.mlp import MLP
from tests.chapters.small_data import small_data
from tests.sentences import refusal

DATA = small_data()


def test_the_three_samples_lie_at_their_corners() -> None:
    plane = plane_through(DATA, (2, 0, 1))
    for place, wanted in zip(plane.corners, (2, 0, 1), strict=True):
        row = DATA.train_labels.tolist().index(wanted)
        point = plane.centre + torch.from_numpy(place).float() @ plane.basis
        torch.testing.assert_close(point, DATA.train_inputs[row])
    torch.testing.assert_close(plane.basis @ plane.basis.T, torch.eye(2), atol=1e-6, rtol=0)
    largest = np.linalg.norm(plane.corners, axis=1).max()
    assert plane.extent == pytest.approx(2.5 * largest)


def test_answers_are_those_at_each_point_rows_from_below() -> None:
    plane, net = plane_through(DATA, (0, 1, 2), reach=1.5), MLP((6, 7, 3), 1)
    found = plane.answers(net, points=9)
    side = np.linspace(-plane.extent, plane.extent, 9)
    one, two = plane.basis
    expected = [
        [int(net(plane.centre + float(u) * one + float(v) * two).argmax()) for u in side]
        for v in side
    ]
    assert found.tolist() == expected
    assert len(np.unique(found)) > 1


def test_a_plane_needs_three_samples_off_a_line() -> None:
    refusal("class 7 has no training sample", lambda: plane_through(DATA, (0, 1, 7)))
    flat = replace(DATA, train_inputs=DATA.train_inputs[:, :1].expand(-1, 6))
    refusal("lie on a line", lambda: plane_through(flat, (0, 1, 2)))
