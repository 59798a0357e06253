"""A second, slow and plain version of the tracker: bool masks, cloned parameters, float64."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from tests.instrument.cases import Case

Series = dict[tuple[str, str], dict[int, float]]


class SlowTracker:
    """Keeps every pattern (by the case's own formula) and every parameter of every step."""

    def __init__(self, case: Case, model: nn.Module, probe: Any) -> None:
        self.case, self.model, self.probe = case, model, probe
        self.weights: list[dict[str, torch.Tensor]] = []
        self.patterns: list[list[tuple[str, np.ndarray, bool]]] = []
        self.observe()

    def observe(self) -> None:
        """Remember the parameters and patterns as they are now."""
        self.weights.append(
            {name: p.detach().double().clone() for name, p in self.model.named_parameters()}
        )
        was_training = {module: module.training for module in self.model.modules()}
        self.model.eval()
        with torch.no_grad():
            truths = self.case.truth(self.model, self.probe)
        for module, flag in was_training.items():
            module.training = flag
        masks = []
        for truth in truths:
            if truth.thresholds:
                planes = [(truth.values > t).flatten(1).numpy() for t in truth.thresholds]
                masks.append((truth.name, np.stack(planes), True))
            else:
                masks.append((truth.name, truth.values.flatten(1).numpy()[None], False))
        self.patterns.append(masks)

    def series(self, end_steps: list[int] | None = None) -> Series:
        """Return {(quantity, layer): {step: value}}."""
        found: Series = defaultdict(dict)
        last = len(self.weights) - 1
        for step in range(last + 1):
            self._weights_at(step, found)
            for quantity, other in (
                ("pattern_change", step - 1),
                ("pattern_from_start", 0),
                ("pattern_from_end", last),
            ):
                if other < 0 or (quantity.endswith("end") and end_steps and step not in end_steps):
                    continue
                for layer, value in self._flipped(step, other).items():
                    found[quantity, layer][step] = value
            self._constant_at(step, found)
        return found

    def _weights_at(self, step: int, found: Series) -> None:
        names = list(self.weights[0])
        groups = {"all": names}
        for name in names:
            groups.setdefault(name.rpartition(".")[0] or name, []).append(name)
        for group, members in groups.items():

            def norm(a: int, b: int | None, members: list[str] = members) -> float:
                return float(
                    np.sqrt(
                        sum(
                            float(
                                (
                                    (
                                        self.weights[a][n]
                                        - (self.weights[b][n] if b is not None else 0)
                                    )
                                    ** 2
                                ).sum()
                            )
                            for n in members
                        )
                    )
                )

            found["weight_norm", group][step] = norm(step, None)
            found["weight_from_start", group][step] = norm(step, 0)
            found["weight_from_end", group][step] = norm(step, len(self.weights) - 1)
            if step:
                change = norm(step, step - 1)
                found["weight_change", group][step] = change
                found["weight_change_rel", group][step] = change / norm(step, None)

    def _flipped(self, a: int, b: int) -> dict[str, float]:
        shares, flipped, bits = {}, 0, 0
        only_pools = not any(counted for _, _, counted in self.patterns[0])
        for (name, one, counted), (_, other, _) in zip(
            self.patterns[a], self.patterns[b], strict=True
        ):
            differs = (one != other).any(axis=0)
            shares[name] = differs.mean()
            if counted or only_pools:
                flipped, bits = flipped + differs.sum(), bits + differs.size
        return {"all": flipped / bits, **shares}

    def _constant_at(self, step: int, found: Series) -> None:
        dead_units, on_units, units = 0, 0, 0
        for name, planes, counted in self.patterns[step]:
            if not counted:
                found["dead", name][step] = found["always_on", name][step] = np.nan
                continue
            dead = ~planes[0].any(axis=0)
            on = planes[0].all(axis=0)
            if len(planes) == 2:  # clipped from above on no sample
                on &= ~planes[1].any(axis=0)
            found["dead", name][step], found["always_on", name][step] = dead.mean(), on.mean()
            dead_units, on_units = dead_units + dead.sum(), on_units + on.sum()
            units += dead.size
        found["dead", "all"][step] = dead_units / units if units else np.nan
        found["always_on", "all"][step] = on_units / units if units else np.nan


def as_series(frame: pd.DataFrame) -> Series:
    """Turn a trace's frame into the same form."""
    found: Series = defaultdict(dict)
    for row in frame.itertuples():
        assert row.step not in found[row.quantity, row.layer]
        found[row.quantity, row.layer][row.step] = row.value
    return found


def assert_equal(found: Series, expected: Series, rel: float) -> None:
    """Compare every value of every quantity, layer and step."""
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key].keys() == values.keys(), key
        steps = sorted(values)
        one, other = [found[key][s] for s in steps], [values[s] for s in steps]
        scale = np.nanmax(np.abs(other), initial=0.0)
        assert np.allclose(one, other, rtol=rel, atol=rel * scale, equal_nan=True), (
            key,
            one,
            other,
        )
