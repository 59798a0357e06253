"""What chapter 25 measures at tiny settings: every claim once, and against a run by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.edge_of_stability import measure as edge
from regime_lib.chapters.edge_of_stability import scene
from regime_lib.chapters.edge_of_stability.runs import watched
from regime_lib.chapters.edge_of_stability.settings import CONVOLUTIONAL, FULL, MOMENTUM, Setting
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.running.measuring import claims_in
from regime_lib.instrument.tracking.edge_of_stability import BLIND_SPOTS
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.keeping import dumps, loads
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.loop import train

TINY = edge.Settings(
    dataset="digits",
    n_seeds=5,
    samples=128,
    probe_size=40,
    width=12,
    steps=150,
    lr=1.0,
    seed=5,
)


@pytest.fixture(scope="module")
def measured() -> edge.Measurements:
    return edge.measure(TINY)


def test_every_claim_of_the_chapter_is_measured_once(measured: edge.Measurements) -> None:
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == "25_edge_of_stability"}
    assert {name: estimate.unit for name, estimate in claims_in(measured).items()} == own


def test_all_of_them_are_questions_of_this_book() -> None:
    claims = load_claims(find_project().claims_file).values()
    assert all(c.asked_here for c in claims if c.chapter == "25_edge_of_stability")


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(edge.Measurements)])
def test_every_part_survives_keeping(measured: edge.Measurements, part: str) -> None:
    result: Any = getattr(measured, part)
    content = dumps(result)
    assert dumps(loads(type(result), content)) == content


def test_a_member_of_the_ensemble_is_a_network_by_itself() -> None:
    setting = FULL[3.0]
    runs = watched(TINY, setting)
    data = load_dataset("digits").redrawn(7).subset(TINY.samples, TINY.probe_size)
    network = MLP((64, 12, 12, 10), 7)
    with RegimeTracker(network, data.test_inputs, window=2) as tracker:
        train(network, data, setting.config(TINY), 7, tracker.update)
    alone = tracker.trace.edge_of_stability()
    # batched sums round otherwise, and the edge amplifies; the first window still agrees
    assert runs.signs.ratio[0, 2] == pytest.approx(alone.ratio[0, 0], rel=0.05)


def test_signs_come_where_the_sharpness_is_at_its_threshold(measured: edge.Measurements) -> None:
    below, beyond = (measured.full_batch.runs[f"rate {rate:g}"] for rate in (0.5, 3.0))
    assert np.median(below.level[-1]) < np.median(beyond.level[-1])
    assert np.median(below.signs.ratio[-1]) < 4 < np.median(beyond.signs.ratio[-1])
    assert (beyond.reached <= 50).all()


def test_thresholds_are_those_of_quadratics() -> None:
    assert FULL[0.5].threshold(TINY) == 4.0
    assert MOMENTUM.threshold(TINY) == pytest.approx(2 * 1.9 / 3)
    assert Setting(1.0, momentum=0.0).config(TINY).batch_size is None
    assert CONVOLUTIONAL.config(TINY).optimizer == "sgd"


def test_the_readout_of_the_picture_counts_windows(measured: edge.Measurements) -> None:
    runs = measured.full_batch.runs
    own = runs["rate 3"]
    said = scene.readout("rate 3", own, 1.0)
    windows = own.signs.ratio.size
    counted = [int(word) for word in said.replace(",", " ").split() if word.isdigit()]
    # of each kind, all windows reach a margin of one
    assert sum(counted[-6::2]) == sum(counted[-5::2]) == windows
    made = scene.margins(runs)
    assert len(made.frames) == 4 * len(scene.MARGINS)
    assert "margin 4" in made.frames[made.start].readout


def test_the_blind_spots_name_early_signs_as_the_committed_run_found_them() -> None:
    root = Path(__file__).resolve().parents[3]
    claims = published_evidence("25_edge_of_stability", Project(root)).tables["claims"]
    early = claims.set_index("id").loc["tb-edge-below"]
    assert early["low"] > 0.1, "false alarms are rarer now: say so in BLIND_SPOTS"
    assert any("more than one window in ten" in spot for spot in BLIND_SPOTS)
