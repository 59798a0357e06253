"""Batch-normalised runs that look late, counted by hand on curves made for it."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.grokking.batchnorm import (
    changes_phase,
    delays_under_all,
    late_without_change,
    moments_under,
)
from regime_lib.chapters.grokking.running_statistics import StatisticsRun
from regime_lib.lab.training.config import TrainingConfig
from tests.sentences import refusal

STEPS = np.array([1, 10, 100])
EARLY, LATE = [1.0, 0.0, 9.0, 0.0, 0.0], [0.0, 0.0, 9.0, 1.0, 1.0]


def run(lagging: list[list[float]]) -> StatisticsRun:
    """Return a run of as many members as there are curves, memorised at step 10 by all."""
    members = len(lagging)
    train = np.array([0.0, 0.99, 1.0])[:, None].repeat(members, axis=1)
    test = np.stack([np.array(lagging).T, train], axis=1)
    config = TrainingConfig(optimizer="sgd", lr=0.1, steps=100, batch_size=None)
    return StatisticsRun(config, tuple(range(members)), (0.1, 1.0), STEPS, train, test, train, test)


def test_a_phase_changes_if_early_layers_lead_once_and_late_ones_at_the_end() -> None:
    cases = {
        "changes": [EARLY, EARLY, LATE],
        "never leads early": [LATE, LATE, LATE],
        "stays early": [EARLY, EARLY, EARLY],
        "ends undecided": [EARLY, LATE, [0.0] * 5],
        "leads by less than the margin": [[0.1, 0.05, 0, 0, 0], LATE, LATE],
    }
    slopes = np.array(list(cases.values())).transpose(1, 2, 0)  # the middle of five is in no half
    assert dict(zip(cases, changes_phase(slopes).tolist(), strict=True)) == {
        name: name == "changes" for name in cases
    }
    assert changes_phase(slopes, margin=0.07)[4]


def test_delays_are_those_of_each_momentum() -> None:
    found = run([[0.0, 0.0, 1.0], [0.5, 0.6, 1.0], [0.0, 0.0, 0.0]])
    delays = delays_under_all(found)
    np.testing.assert_allclose(delays[0], [10 * 10**0.5 - 10, 0, np.nan])  # half of the way, in log
    np.testing.assert_array_equal(delays[1], [0, 0, 0])
    np.testing.assert_array_equal(moments_under(found, 0.1).late, [True, False, True])


def test_late_runs_are_counted_among_those_that_keep_their_phase() -> None:
    keeps, changes = [LATE, LATE, LATE], [EARLY, EARLY, LATE]
    late, prompt = [0.0, 0.0, 1.0], [0.9, 0.9, 1.0]
    slopes = [np.array(s).transpose(1, 2, 0) for s in ([keeps, keeps, changes], [keeps], [changes])]
    first, second = run([late, prompt, late]), run([late])
    found = late_without_change([(first, slopes[0]), (second, slopes[1])], 0.1)
    assert (found.runs, found.changed, found.late) == (4, 1, 2)
    share = found.share
    assert (share.value, share.n, share.over) == (2 / 3, 3, "3 networks")
    # Clopper and Pearson: each end leaves the counts beyond 2 of 3 a probability of 0.025
    assert share.low is not None
    assert share.high is not None
    assert share.low**3 + 3 * share.low**2 * (1 - share.low) == pytest.approx(0.025, rel=1e-6)
    assert 1 - share.high**3 == pytest.approx(0.025, rel=1e-6)
    assert not late_without_change([(second, slopes[2])], 0.1).share.known


def test_what_cannot_be_counted_is_refused() -> None:
    found = run([[0.0, 0.0, 1.0]])
    refusal("it was under 0.1, 1.0", lambda: moments_under(found, 0.2))
    refusal("at least one", lambda: late_without_change([], 0.1))
    refusal("at least 2 layers", lambda: changes_phase(np.zeros((3, 1, 2))))
