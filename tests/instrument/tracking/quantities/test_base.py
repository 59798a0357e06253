"""A quantity of one's own is recorded, saved and loaded like those of the library."""

from __future__ import annotations

from inspect import getdoc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.instrument import (
    QUANTITIES,
    EndQuantity,
    PatternQuantity,
    RegimeTracker,
    StateQuantity,
    Trace,
    WeightQuantity,
)
from regime_lib.instrument.tracking import quantities
from regime_lib.instrument.tracking.blocks import EndBlock, PatternBlock, WeightBlock
from regime_lib.instrument.tracking.pattern_buffer import StateBlock
from tests.instrument.cases import Stacked, TwoLayers, vectors
from tests.instrument.prescribed import random_patterns, tracked
from tests.instrument.runs import small_run
from tests.sentences import refusal


class DistinctPatterns(PatternQuantity):
    """Share of probe samples whose pattern in the first layer is new among those before them."""

    name = "distinct_patterns"

    def values(self, block: PatternBlock) -> np.ndarray:
        bits = block.bits(layer=0)  # observations, members, samples, units
        counts = [[len(np.unique(one, axis=0)) for one in members] for members in bits]
        return np.array(counts) / block.samples


class Travelled(WeightQuantity):
    """Squared distance to the start, by module: a test of the squares themselves."""

    name = "travelled"

    def values(self, block: WeightBlock) -> np.ndarray:
        return block.sums @ block.norms.travelled


class LargestWeight(StateQuantity):
    """The largest weight."""

    name, unit = "largest_weight", "as weights"

    def values(self, block: StateBlock) -> np.ndarray:
        largest = max(float(p.detach().abs().max()) for p in block.model.parameters())
        return np.array([[largest]])


class HalfWay(EndQuantity):
    """Whether more than half of the way in weights is done."""

    name = "half_way_from_end"

    def values(self, block: EndBlock) -> np.ndarray:
        left = np.sqrt(block.squares.sum(axis=1))
        return (left < left[0] / 2).astype(float)


class Moved(StateQuantity):
    """Change of the first layer's pre-activations since the observation before."""

    name, asked_by = "moved", "preactivations"

    def __init__(self) -> None:
        self.before: np.ndarray | None = None

    def begin(self, options: object, coverage: object) -> Moved:
        return Moved()

    def values(self, block: StateBlock) -> np.ndarray | None:
        before, self.before = self.before, block.preactivations[0].copy()
        if before is None:
            return None
        return np.sqrt(((self.before - before) ** 2).mean(axis=(1, 2)))[None]


def test_a_quantity_of_ten_lines_is_recorded_saved_and_loaded(tmp_path: Path) -> None:
    patterns = random_patterns(0, 70, 9, (3, 11))  # more than are compared at once
    trace = tracked(patterns, quantities=["default", DistinctPatterns()]).trace
    expected = [len(np.unique(one, axis=0)) / 9 for one in patterns[0]]
    assert trace.quantities[-1] == "distinct_patterns"
    loaded = Trace.load(trace.save(tmp_path))
    for found in (trace, loaded):
        assert found.series("distinct_patterns").tolist() == expected
        assert found.series("distinct_patterns").index.tolist() == list(range(70))
    assert loaded.frame.equals(trace.frame)
    assert "distinct_patterns" in trace.until(20).quantities
    plain = tracked(patterns).trace.frame.astype({"quantity": str})
    own = trace.frame.astype({"quantity": str})
    assert own[own["quantity"] != "distinct_patterns"].reset_index(drop=True).equals(plain)


def test_members_have_values_of_their_own() -> None:
    torch.manual_seed(0)
    model, probe = Stacked(3), torch.randn(20, 6)
    with RegimeTracker(model, probe, members=3, quantities=[DistinctPatterns()]) as tracker:
        pass
    with torch.no_grad():
        z = torch.baddbmm(model.bias, probe.expand(3, -1, -1), model.weight)
    expected = [len(np.unique(one.numpy() > 0, axis=0)) / 20 for one in z]
    assert tracker.trace.array("distinct_patterns")[1].tolist() == [expected]


def test_every_kind_can_be_ones_own() -> None:
    own = [Travelled(), LargestWeight(), HalfWay(), Moved()]
    trace = small_run(20, quantities=["default", *own], preactivations=True)
    for layer in ("all", "first", "last"):
        squares = trace.series("weight_from_start", layer) ** 2
        assert np.allclose(trace.series("travelled", layer), squares)
    assert trace.series("largest_weight").index.tolist() == list(range(21))
    assert (trace.series("largest_weight") <= trace.series("weight_norm")).all()
    left = trace.series("weight_from_end")
    assert trace.series("half_way_from_end").tolist() == (left < left[0] / 2).tolist()
    moved, change = trace.series("moved"), trace.series("preactivation_change", "activation")
    assert np.allclose(moved, change, rtol=1e-5)


def test_only_what_is_asked_for_is_measured() -> None:
    class Counted(nn.Sequential):
        runs = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            type(self).runs += 1  # of the class, which a look does not put back
            return super().forward(x)

    full = small_run(12, window=5)
    assert small_run(12, quantities=["dead"]).quantities == ("dead",)
    some = small_run(12, quantities=["weight_norm", "pattern_change"])
    assert some.quantities == ("weight_norm", "pattern_change")
    assert some.series("pattern_change").equals(full.series("pattern_change"))
    assert some.groups is not None
    assert small_run(12, quantities="dead").groups is None
    model = Counted(nn.Linear(6, 4), nn.ReLU())
    with RegimeTracker(model, vectors(), quantities=["weight_norm", "weight_from_end"]) as tracker:
        for _ in range(5):
            tracker.update()
    assert model.runs == 1  # to find the layers; no probe is needed after
    assert tracker.trace.quantities == ("weight_norm", "weight_from_end")


def test_a_wrong_list_is_refused() -> None:
    class Tall(DistinctPatterns):
        def values(self, block: PatternBlock) -> np.ndarray:
            return np.zeros((len(block.steps), 7, 1))

    message = refusal("'speed'", lambda: small_run(1, quantities=["speed"]))
    assert "pattern_change" in message
    refusal("subclass of Quantity", lambda: small_run(1, quantities=[DistinctPatterns]))
    refusal("oui needs oui=", lambda: small_run(1, quantities=["oui"]))
    refusal("moved needs preactivations=", lambda: small_run(1, quantities=[Moved()]))
    refusal("dead twice", lambda: small_run(1, quantities=["dead", "dead"]))
    refusal("dead twice", lambda: small_run(1, quantities=["default", "dead"]))
    refusal("shape (1, 7, 1)", lambda: small_run(1, quantities=[Tall()]))


def test_an_error_in_ones_own_quantity_loses_its_own_block_alone() -> None:
    class Fails(DistinctPatterns):
        def values(self, block: PatternBlock) -> np.ndarray:
            if block.steps[0] == 1:
                raise ZeroDivisionError
            return super().values(block)

    model = TwoLayers(nn.ReLU())
    tracker = RegimeTracker(model, vectors(), quantities=[Fails(), "dead", "weight_norm"])

    def run() -> None:
        with tracker:
            for _ in range(70):
                tracker.update()

    with pytest.raises(ZeroDivisionError):
        run()
    for untouched in ("dead", "weight_norm"):  # up to the observation that failed
        assert tracker.trace.array(untouched)[0].tolist() == list(range(65))


@pytest.mark.parametrize("quantity", QUANTITIES, ids=repr)
def test_every_quantity_is_defined_and_documented(quantity: object) -> None:
    kind = type(quantity)
    assert vars(kind).get("__doc__"), "a definition of its own"
    text = (getdoc(kind) or "").splitlines()[0]
    assert text in (quantities.__doc__ or "")
    assert kind.__module__ == f"{quantities.__name__}.{quantity.name}"  # type: ignore[attr-defined]
    assert quantity.unit  # type: ignore[attr-defined]
