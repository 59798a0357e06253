"""Looks that wait find what looks at once would have found, whatever happens in between."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, Trace
from regime_lib.instrument.capture import replica
from regime_lib.instrument.capture.isolation import IsolatedEvaluation
from regime_lib.instrument.tracking.recorder import Recorder
from regime_lib.instrument.tracking.session import Session
from tests.instrument.traces import assert_same_trace

PROBE = torch.randn(23, 6, generator=torch.Generator().manual_seed(5))
STEPS = 70  # two fillings of the rows, one of the patterns, and more


def _network(width: int = 9) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(6, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
    )


def _bits(model: nn.Sequential) -> Tensor:
    """Return all signs on the probe, by a forward pass of our own."""
    w1, b1, w2, b2 = [p.detach() for p in model.parameters()][:4]
    first = PROBE @ w1.T + b1
    second = first.clamp(min=0) @ w2.T + b2
    return torch.cat([first, second], dim=1) > 0


Event = Callable[[nn.Sequential, RegimeTracker], Any]


def _train(
    events: dict[int, Event] | None = None, after: Event | None = None, **options: Any
) -> tuple[Trace, list[Tensor]]:
    """Train for some steps; return the trace, and all signs after every step."""
    model = _network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    x = torch.randn(STEPS, 8, 6, generator=torch.Generator().manual_seed(2))
    seen = [_bits(model)]
    with RegimeTracker(model, PROBE, **options) as tracker:
        for step in range(STEPS):
            optimizer.zero_grad()
            (model(x[step]) - x[step, :, :1].abs()).square().mean().backward()
            optimizer.step()
            tracker.update()
            seen.append(_bits(model))
            if events and step in events:
                events[step](model, tracker)
        if after is not None:
            after(model, tracker)
    return tracker.trace, seen


@contextmanager
def _none_waits() -> Iterator[None]:
    """In this block every look is made at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replica, "is_pure", lambda model: False)
        yield


def _at_once(**given: Any) -> Trace:
    with _none_waits():
        return _train(**given)[0]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many looks each stretch made up for."""
    found: list[int] = []
    inner = Session._look_back

    def counted(session: Session) -> None:
        buffer = None if session._patterns is None else session._patterns.buffer
        waiting = 0 if buffer is None else len(session._patterns_seen) - buffer.filled
        inner(session)
        if waiting:
            found.append(waiting)

    monkeypatch.setattr(Session, "_look_back", counted)
    return found


def test_flips_are_those_of_a_forward_pass_after_every_step(looks: list[int]) -> None:
    trace, seen = _train()
    assert sum(looks) == STEPS
    assert max(looks) > 20
    changes = [float((a != b).double().mean()) for a, b in pairwise(seen)]
    assert sum(changes) > 0
    steps, values = trace.array("pattern_change")
    assert steps.tolist() == list(range(1, STEPS + 1))
    assert values[:, 0] == pytest.approx(changes)
    ends, far = trace.array("pattern_from_end")
    assert far[:, 0] == pytest.approx([float((seen[s] != seen[-1]).double().mean()) for s in ends])


OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "every third step": {"schedule": lambda step: step % 3 == 0},
    "one layer": {"layers": "1"},
    "pre-activations": {"preactivations": True},
    "directions": {"directions": True},
    "an average": {"ema": 0.9},
    "unit times": {"unit_times": True},
    "few snapshots": {"snapshots": 4},
    "in groups": {"group": 7},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_trace_is_that_of_looks_at_once(name: str) -> None:
    assert_same_trace(_train(**OPTIONS[name])[0], _at_once(**OPTIONS[name]))


def _shared() -> nn.Module:
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU())


def _tied() -> nn.Module:
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    second.weight = first.weight
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "in place at once": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 4), nn.ReLU()),
    "nested": lambda: nn.Sequential(nn.Sequential(nn.Linear(6, 5), nn.ReLU()), nn.Linear(5, 2)),
    "one layer twice": _shared,
    "one weight twice": _tied,
    "dropout": lambda: nn.Sequential(nn.Dropout(0.4), nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 2)),
    "normalised": lambda: nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 9), nn.ReLU()),
    "reshaped": lambda: nn.Sequential(
        nn.Unflatten(1, (3, 2)), nn.Linear(2, 5), nn.ReLU(), nn.Flatten(), nn.Linear(15, 2)
    ),
    "nothing to train": lambda: nn.Sequential(nn.ReLU(), nn.Flatten()),
    "double": lambda: nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 2)).double(),
    "transposed": lambda: _transposed(nn.Sequential(nn.Linear(6, 6), nn.ReLU())),
}


def _transposed(model: nn.Sequential) -> nn.Module:
    model[0].weight.data = model[0].weight.data.T
    return model


LOOPS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "as usual": nullcontext,
    "mixed precision": lambda: torch.autocast("cpu", torch.bfloat16),
    "without gradients": torch.no_grad,
    "inference": torch.inference_mode,
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_in_any_surroundings_have_the_trace_of_looks_at_once(name: str, loop: str) -> None:
    def run() -> Trace:
        torch.manual_seed(3)
        model = NETWORKS[name]()
        probe = PROBE.double() if name == "double" else PROBE
        noise = torch.get_rng_state()
        with RegimeTracker(model, (probe,), unit_times=True) as tracker:
            for step in range(40):
                drawn = torch.Generator().manual_seed(step)
                for parameter in model.parameters():
                    change = torch.randn(parameter.shape, generator=drawn, dtype=parameter.dtype)
                    parameter.data += 0.1 * change
                with LOOPS[loop]():
                    tracker.update()
        assert torch.equal(noise, torch.get_rng_state())
        return tracker.trace

    found = run()
    with _none_waits():
        assert_same_trace(found, run())


def _spoil(model: nn.Sequential, tracker: RegimeTracker) -> None:
    for parameter in model.parameters():
        parameter.data.fill_(7.0)
    model[1] = nn.Tanh()


def test_what_happens_to_the_network_after_its_step_is_not_seen() -> None:
    assert_same_trace(_train(after=_spoil)[0], _at_once(after=_spoil))


def _hook(model: nn.Sequential, tracker: RegimeTracker) -> None:
    model[0].register_forward_hook(lambda layer, inputs, output: -output)


def _unhook(model: nn.Sequential, tracker: RegimeTracker) -> None:
    model[0]._forward_hooks.clear()


EVENTS: dict[str, Event] = {
    "the trace is read": lambda model, tracker: tracker.trace,
    "the state is saved": lambda model, tracker: torch.save(tracker.state_dict(), io.BytesIO()),
    "evaluation": lambda model, tracker: model.eval(),
    "training": lambda model, tracker: model.train(),
    "a hook": _hook,
    "no hook": _unhook,
    "an option of a layer": lambda model, tracker: setattr(model[3], "inplace", True),
    "memory elsewhere": lambda model, tracker: setattr(
        model[0].weight, "data", model[0].weight.data.clone()
    ),
    "fewer units": lambda model, tracker: model[0].weight.data[:3].zero_(),
    "something attached": lambda model, tracker: setattr(model, "note", [1]),
}


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.integers(0, STEPS - 1), st.sampled_from(sorted(EVENTS)), max_size=8),
    st.sampled_from([{}, {"ema": 0.8}, {"schedule": lambda step: step % 2 == 0}]),
)
def test_whatever_happens_between_steps_the_trace_is_that_of_looks_at_once(
    names: dict[int, str], options: dict[str, Any]
) -> None:
    events = {step: EVENTS[name] for step, name in names.items()}
    assert_same_trace(_train(events, **options)[0], _at_once(events=events, **options))


@pytest.mark.parametrize(
    ("where", "number"),
    [*(((Recorder, "end"), n) for n in (0, 3, 29, 30, 31, 60)), ((Session, "_write_patterns"), -2)],
)
def test_an_interruption_loses_no_look(
    where: tuple[type, str], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while looks are made up for, caught by a script that goes on."""
    wanted, inner, calls = _at_once(), getattr(*where), [0]

    def interrupted(*given: Any) -> Any:
        calls[0] += 1
        if calls[0] == number + 3:  # after those of the beginning
            raise KeyboardInterrupt
        return inner(*given)

    monkeypatch.setattr(*where, interrupted)
    model = _network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    x = torch.randn(STEPS, 8, 6, generator=torch.Generator().manual_seed(2))
    with RegimeTracker(model, PROBE) as tracker:
        for step in range(STEPS):
            optimizer.zero_grad()
            (model(x[step]) - x[step, :, :1].abs()).square().mean().backward()
            optimizer.step()
            try:
                tracker.update()
            except KeyboardInterrupt:
                tracker.update()
    assert calls[0] > number + 3
    assert_same_trace(tracker.trace, wanted)


def test_weights_that_are_not_finite_end_the_trace_at_the_step_before(looks: list[int]) -> None:
    model = _network()
    with RegimeTracker(model, PROBE) as tracker:
        for _ in range(5):
            model[0].weight.data.add_(0.01)
            tracker.update()
        model[0].weight.data.fill_(torch.nan)
        with pytest.raises(ValueError, match="the trace ends at step 5"):
            tracker.update()
        assert tracker.trace.array("pattern_from_start")[0].tolist() == list(range(6))
    assert looks == [5]


def test_the_network_itself_is_not_run_where_looks_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[nn.Module] = []
    inner = IsolatedEvaluation.__enter__

    def noted(self: IsolatedEvaluation) -> None:
        entered.append(self.held._model)
        inner(self)

    model = _network()
    with RegimeTracker(model, PROBE) as tracker:
        monkeypatch.setattr(IsolatedEvaluation, "__enter__", noted)
        for _ in range(3):
            tracker.update()
        assert not entered
        assert len(tracker.trace.array("pattern_change")[0]) == 3
    assert len(entered) == 1
    assert entered[0] is not model
