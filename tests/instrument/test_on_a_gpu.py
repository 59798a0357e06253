"""The promises of the tracker on a GPU; each test is skipped where there is none."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.execution_state import assert_same
from tests.sentences import refusal

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.untyped,
]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 2)).cuda()


def inputs(seed: int = 0) -> Tensor:
    return torch.randn(32, 6, generator=torch.Generator().manual_seed(seed)).cuda()


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("aside", [False, True])
def test_a_tracked_run_is_the_untracked_run(mixed: bool, aside: bool) -> None:
    """Also in mixed precision, and on a stream beside the default one."""

    def run(tracked: bool) -> Any:
        model, stream = network(), torch.cuda.Stream() if aside else None
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        with (
            torch.cuda.stream(stream),
            RegimeTracker(model, inputs(9)) if tracked else (nullcontext()) as tracker,
        ):
            for step in range(5):
                optimizer.zero_grad()
                with torch.autocast("cuda", enabled=mixed):
                    loss = model(inputs(step)).float().pow(2).mean()
                loss.backward()
                optimizer.step()
                if tracker is not None:
                    tracker.update()
        torch.cuda.synchronize()
        state = {name: value.cpu() for name, value in model.state_dict().items()}
        return state, torch.cuda.get_rng_state()

    assert_same(run(False), run(True))


def test_patterns_and_norms_are_those_of_the_formula() -> None:
    model, probe = network(), inputs(9)
    masks, norms = [], []

    def look() -> None:
        model.eval()
        with torch.no_grad():
            masks.append((model[:2](probe) > 0).cpu().numpy())  # type: ignore[index]
        model.train()
        flat = torch.cat([p.detach().double().flatten() for p in model.parameters()])
        norms.append(float(flat.norm()))

    look()
    with RegimeTracker(model, probe) as tracker:
        for _ in range(4):
            with torch.no_grad():
                for p in model.parameters():
                    p += 0.1 * torch.randn_like(p)
            look()
            tracker.update()
    changes = [(a != b).mean() for a, b in pairwise(masks)]
    assert np.allclose(tracker.trace.array("pattern_change")[1][:, 0], changes, atol=1e-3)
    assert np.allclose(tracker.trace.array("weight_norm")[1][:, 0], norms, rtol=1e-6)


def test_a_look_inside_a_captured_graph_is_refused() -> None:
    model, graph = network().eval(), torch.cuda.CUDAGraph()
    static = inputs()
    with RegimeTracker(model, inputs(9)) as tracker:
        tracker.update()
        with torch.no_grad(), torch.cuda.graph(graph):
            model(static)
            refusal("CUDA graph", tracker.update)
        graph.replay()
        tracker.update()
