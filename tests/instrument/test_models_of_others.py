"""Networks put together from the parts of torchvision and transformers, where they are installed.

Trained tracked and untracked, bit for bit; rectified units are counted in a pass of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.execution_state import assert_same, state_of

pytestmark = [
    pytest.mark.untyped,  # and what other packages warn of is not ours
    *(pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("UserWarning", "FutureWarning")),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CHANNELS, SAMPLES = 8, 5
OTHERS = (nn.ReLU6, nn.Hardswish, nn.Hardsigmoid)


def units_in_one_pass(model: nn.Module, run: Callable[[nn.Module], Any]) -> int:
    """Count what comes out of `F.relu` and other activations in one pass, for each sample."""
    counts: list[int] = []
    handles = [
        module.register_forward_hook(lambda _, __, out: counts.append(out.numel()))
        for module in model.modules()
        if isinstance(module, OTHERS)
    ]
    was = {module: module.training for module in model.modules()}

    def relu(z: Tensor, inplace: bool = False) -> Tensor:
        counts.append(z.numel())
        return torch.relu(z)

    with torch.no_grad(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(nn.functional, "relu", relu)
        run(model.eval())
    for module, flag in was.items():
        module.training = flag
    for handle in handles:
        handle.remove()
    return sum(counts) // SAMPLES


def trained_as_untracked(make: Callable[[], nn.Module], probe: Any, batch: Any) -> None:
    """Train a network twice, once tracked; compare everything, and count its units."""

    def run(tracked: bool) -> tuple[Any, RegimeTracker | None]:
        torch.manual_seed(1)
        model = make()
        torch.manual_seed(2)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
        tracker = RegimeTracker(model, probe) if tracked else None
        with tracker or nullcontext():
            for _ in range(2):
                optimizer.zero_grad()
                _numbers(_call(model, batch)).pow(2).mean().backward()
                optimizer.step()
                if tracker is not None:
                    tracker.update()
        return state_of(model, optimizer), tracker

    (plain, _), (seen, tracker) = run(False), run(True)
    assert_same(plain, seen)
    assert tracker is not None
    model = make()
    assert tracker.coverage.units == units_in_one_pass(model, lambda m: _call(m, probe))
    assert not any("relu" in item.what for item in tracker.coverage.unseen)


def _call(model: nn.Module, inputs: Any) -> Any:
    return model(**inputs) if isinstance(inputs, dict) else model(inputs)


def _numbers(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


# --- torchvision ---------------------------------------------------------------------------------


def _vision() -> dict[str, Callable[[], nn.Module]]:
    """Parts of torchvision that keep the channels."""
    from torchvision.models import densenet, mobilenetv3, resnet
    from torchvision.models.mobilenetv2 import InvertedResidual
    from torchvision.ops import Conv2dNormActivation, SqueezeExcitation, StochasticDepth

    c = CHANNELS

    def block3() -> nn.Module:
        config = mobilenetv3.InvertedResidualConfig(c, 3, 12, c, True, "HS", 1, 1, 1.0)
        return mobilenetv3.InvertedResidual(config, nn.BatchNorm2d)

    def dense() -> nn.Module:
        block = densenet._DenseBlock(1, c, 2, 4, 0.1)
        return nn.Sequential(block, nn.Conv2d(c + 4, c, 1))

    return {
        "convolution": lambda: Conv2dNormActivation(c, c, 3),
        "in place": lambda: Conv2dNormActivation(c, c, 3, activation_layer=nn.ReLU6, inplace=True),
        "squeeze": lambda: SqueezeExcitation(c, 4),
        "hard squeeze": lambda: SqueezeExcitation(c, 4, scale_activation=nn.Hardsigmoid),
        "basic": lambda: resnet.BasicBlock(c, c),
        "bottleneck": lambda: resnet.Bottleneck(c, c // 4),
        "inverted": lambda: InvertedResidual(c, c, 1, 3),
        "mobile": block3,
        "dense": dense,
        "stochastic depth": lambda: nn.Sequential(
            Conv2dNormActivation(c, c, 1), StochasticDepth(0.5, "row")
        ),
        "channels last": lambda: resnet.BasicBlock(c, c).to(memory_format=torch.channels_last),
    }


NAMES = ("convolution", "in place", "squeeze", "hard squeeze", "basic", "bottleneck", "inverted",
         "mobile", "dense", "stochastic depth", "channels last")  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))
def test_networks_of_torchvision_parts(parts: list[str]) -> None:
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    built = _vision()
    assert set(built) == set(NAMES)

    def make() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, CHANNELS, 3, padding=1),
            *(built[name]() for name in parts),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(CHANNELS, 2),
        )

    trained_as_untracked(make, torch.randn(SAMPLES, 3, 8, 8), torch.randn(4, 3, 8, 8))


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v2", "mobilenet_v3_small", "googlenet", "shufflenet_v2_x0_5"]
)
def test_whole_networks_of_torchvision(name: str) -> None:
    models = pytest.importorskip("torchvision", reason="torchvision is not installed").models
    extras = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    make = lambda: getattr(models, name)(num_classes=3, **extras)  # noqa: E731
    trained_as_untracked(make, torch.randn(SAMPLES, 3, 32, 32), torch.randn(2, 3, 32, 32))


# --- transformers --------------------------------------------------------------------------------

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 30}
FAMILIES: dict[str, dict[str, Any]] = {
    "OPT": SIZES | {"ffn_dim": 24, "word_embed_proj_dim": 16, "max_position_embeddings": 16},
    "Bert": SIZES | {"intermediate_size": 24, "hidden_act": "relu"},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 30, "n_positions": 16,
             "activation_function": "relu"},
    "T5Encoder": {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
                  "vocab_size": 30, "feed_forward_proj": "relu"},
    "Llama": SIZES | {"intermediate_size": 24, "hidden_act": "relu", "num_key_value_heads": 1},
    "GPTNeoX": SIZES | {"intermediate_size": 24, "hidden_act": "relu"},
}  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    length=st.integers(2, 7),
    padded=st.booleans(),
)
def test_networks_of_transformers(family: str, length: int, padded: bool) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = "T5" if family == "T5Encoder" else family

    def make() -> nn.Module:
        given = getattr(transformers, f"{config}Config")(**FAMILIES[family])
        return getattr(transformers, f"{family}Model")(given)

    def tokens(rows: int) -> dict[str, Tensor]:
        draws = torch.Generator().manual_seed(rows)
        mask = torch.ones(rows, length, dtype=torch.int64)
        if padded:
            mask[0, -1] = 0
        ids = torch.randint(2, 30, (rows, length), generator=draws)
        return {"input_ids": ids, "attention_mask": mask}

    trained_as_untracked(make, tokens(SAMPLES), tokens(3))
