"""The paper-scale grid is balanced from its first runs on, and what is finished is gathered."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import pytest

from regime_lib.chapters.three_times import long_runs as evidence
from regime_lib.chapters.three_times.configs import RunConfig
from regime_lib.chapters.three_times.grid import CELLS, grid
from regime_lib.chapters.three_times.long_runs import Collected, collect, compute
from regime_lib.chapters.three_times.specifications import specifications
from regime_lib.chapters.three_times.tracked import tracked_run
from regime_lib.errors import RegimeError

TINY = RunConfig(
    dataset="digits",
    architecture="mlp",
    optimizer="sgd",
    steps=30,
    hidden=8,
    probe_size=8,
    average_every=2,
)


def test_every_run_is_asked_for_once_and_can_be_made() -> None:
    points = [tuple(asdict(config).items()) for config in grid()]
    assert len(set(points)) == len(points) == 210
    assert all(config.training.steps == config.steps for config in grid())


def test_the_first_runs_are_one_of_each_setting() -> None:
    first = list(islice(grid(), 6 * len(CELLS)))
    assert {config.seed for config in first} == {0}
    counts = Counter((s.dataset, s.architecture) for s in first)
    assert set(counts.values()) == {6}
    assert len({(s.dataset, s.architecture, s.optimizer, s.schedule) for s in first}) == len(first)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Collected, str]:
    place = str(tmp_path_factory.mktemp("sweep"))
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as threads:
        wrong = replace(TINY, probe_size=501)  # more than there are: this run fails
        patch.setattr(evidence, "grid", lambda: [TINY, replace(TINY, seed=1), wrong])
        compute(place, {"code": "one"}, executor=threads)
        compute(place, {"code": "one"}, executor=threads)
    return collect(place), place


def test_what_is_finished_is_gathered_and_the_rest_is_counted(
    collected: tuple[Collected, str],
) -> None:
    found, _ = collected
    assert (found.done, found.asked, len(found.failed)) == (2, 3, 1)
    assert "1 to 500" in found.failed[0]
    assert found.facts["runs_done"] == 2
    assert found.facts["seeds"] == [0, 1]


def test_the_tables_are_those_of_the_runs_themselves(collected: tuple[Collected, str]) -> None:
    found, _ = collected
    run = tracked_run(TINY)
    expected = specifications(run)
    own = found.tables["specifications"].query("seed == 0").reset_index(drop=True)
    assert own["definition"].tolist() == expected["definition"].tolist()
    assert own["censored"].tolist() == expected["censored"].tolist()
    assert own["ratio"].to_numpy() == pytest.approx(expected["ratio"], rel=1e-5, nan_ok=True)
    assert found.tables["runs"]["flips_per_net_flip"].iloc[0] == pytest.approx(
        run.flips_per_net_flip
    )
    series = found.tables["series"].query("seed == 0 and network == 'iterate'")
    far = series[series["quantity"] == "weight_from_start"]
    truth = run.series["iterate", "weight_from_start"]
    assert far["value"].to_numpy() == pytest.approx(truth.values[far["step"]], rel=1e-5)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegimeError, match="no finished run"):
        collect(str(tmp_path))
