"""Trackers in the trainers of others: the real ones, where they are installed.

A training that is tracked through a door is, bit for bit, the one that is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument import RegimeTracker
from tests.instrument.execution_state import assert_same

pytestmark = [
    pytest.mark.untyped,
    # what other packages warn of is not ours
    *(pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("UserWarning", "FutureWarning")),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def data() -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(0)
    return torch.randn(48, 6, generator=draws), torch.randint(3, (48,), generator=draws)


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 10), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 3))


def state(model: nn.Module) -> list[Any]:
    return [{k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()]


def by_hand(steps: int) -> tuple[nn.Module, RegimeTracker]:
    """Train with a plain loop over full batches, started and stopped without a block."""
    (x, y), model = data(), network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tracker = RegimeTracker(model, x).start()
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        tracker.update()
    tracker.stop()
    tracker.stop()
    return model, tracker


def test_a_loop_without_a_block_is_the_block() -> None:
    (x, _), (_, tracker) = data(), by_hand(3)
    assert tracker.stopped
    assert tracker.trace.array("pattern_change")[0].tolist() == [1, 2, 3]
    with pytest.raises(RegimeError, match="used before"):
        tracker.start()
    with pytest.raises(RegimeError, match="outside"):
        tracker.update()
    assert not RegimeTracker(network(), x).stopped


def test_lightning(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch")
    from regime_lib.integrations.lightning import RegimeCallback

    x, y = data()

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)

        def training_step(self, batch: Any, number: int) -> Tensor:
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def fit(callbacks: list[Any]) -> Any:
        module = Module()
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=12)
        trainer = lightning.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, callbacks=callbacks,
            accumulate_grad_batches=2, default_root_dir=tmp_path,
        )  # fmt: skip
        trainer.fit(module, loader)
        return state(module.net)

    callback = RegimeCallback(x, report=tmp_path / "run.html", directions=True)
    assert_same(fit([]), fit([callback]))
    assert (callback.loop.trace.array("gradient_norm")[1] > 0).all()
    assert callback.loop.trace.array("weight_change")[0].tolist() == [1, 2, 3, 4]
    assert callback.loop.tracker.coverage.units == 10
    assert (tmp_path / "run.html").is_file()


def test_transformers(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    transformers = pytest.importorskip("transformers")
    from regime_lib.integrations.transformers import RegimeCallback

    x, y = data()

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
            logits = self.net(x)
            if labels is None:
                return {"logits": logits}
            return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    def fit(callbacks: list[Any]) -> Any:
        model = Model()
        rows = [{"x": a, "labels": b} for a, b in zip(x, y, strict=True)]
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path), max_steps=5, per_device_train_batch_size=8, report_to=[],
            save_strategy="no", use_cpu=True, disable_tqdm=True, gradient_accumulation_steps=2,
        )  # fmt: skip
        transformers.Trainer(model, arguments, train_dataset=rows, callbacks=callbacks).train()
        return state(model)

    callback = RegimeCallback({"x": x}, directions=True)
    assert_same(fit([]), fit([callback]))
    assert (callback.loop.trace.array("gradient_norm")[1] > 0).all()
    assert callback.loop.trace.array("weight_change")[0].tolist() == [1, 2, 3, 4, 5]
    assert callback.loop.tracker.coverage.units == 10


def test_accelerate() -> None:
    accelerate = pytest.importorskip("accelerate")
    from regime_lib.integrations.accelerate import track

    x, y = data()

    def fit(tracked: bool) -> tuple[Any, Any]:
        accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model, optimizer = accelerator.prepare(model, optimizer)

        def run(look: Any) -> None:
            for _ in range(6):
                with accelerator.accumulate(model):
                    accelerator.backward(nn.functional.cross_entropy(model(x), y))
                    optimizer.step()
                    optimizer.zero_grad()
                    look()

        if not tracked:
            run(lambda: None)
            return state(model), None
        with track(accelerator, model, x) as loop:
            run(loop.update)
        return state(model), loop

    (plain, _), (seen, loop) = fit(False), fit(True)
    assert_same(plain, seen)
    assert loop.trace.array("weight_change")[0].tolist() == [1, 2, 3]
