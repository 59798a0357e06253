"""Scalars reach the real loggers, where they are installed, and are those of the trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regime_lib.errors import RegimeError
from regime_lib.integrations.loggers import Log
from tests.integrations.test_doors import by_hand
from tests.integrations.test_doors import pytestmark as pytestmark


def expected(steps: int) -> dict[int, float]:
    at, values = by_hand(steps)[1].trace.array("pattern_change")
    return dict(zip(at.tolist(), values[:, 0].tolist(), strict=True))


def test_every_scalar_is_sent_once() -> None:
    sent = []

    class Writer:
        def add_scalar(self, name: str, value: float, step: int) -> None:
            sent.append((name, step, value))

    _, tracker = by_hand(4)
    log = Log(Writer(), ["pattern_change"])
    log.send(tracker.trace.until(2))
    log.send(tracker.trace)
    log.send(tracker.trace)
    assert sent == [("regime/pattern_change", step, value) for step, value in expected(4).items()]


def test_what_takes_no_scalar_is_refused() -> None:
    with pytest.raises(RegimeError, match="add_scalar"):
        Log(object())


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "board")) as writer:
        Log(writer).finish(by_hand(12)[1].trace, tmp_path / "run.html")
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    found = {one.step: one.value for one in events.Scalars("regime/pattern_change")}
    assert found.keys() == expected(12).keys()
    assert np.allclose(list(found.values()), list(expected(12).values()))


def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    with mlflow.start_run() as run:
        Log(mlflow).finish(by_hand(12)[1].trace, tmp_path / "run.html")
    client = mlflow.tracking.MlflowClient()
    found = client.get_metric_history(run.info.run_id, "regime/pattern_change")
    assert {one.step: one.value for one in found} == expected(12)
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["run.html"]


def test_weights_and_biases_offline(tmp_path: Path) -> None:
    wandb = pytest.importorskip("wandb")
    run = wandb.init(mode="offline", dir=str(tmp_path), project="regimes")
    try:
        Log(run).finish(by_hand(12)[1].trace, tmp_path / "run.html")
        assert run.summary["regime/pattern_change"] == expected(12)[12]
    finally:
        run.finish()
    assert list(tmp_path.rglob("*.wandb"))


def test_trackio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    trackio = pytest.importorskip("trackio")
    run = trackio.init(project="regimes", name="one")
    Log(run).finish(by_hand(12)[1].trace, tmp_path / "run.html")
    trackio.finish()
    assert list(tmp_path.rglob("*.db"))
