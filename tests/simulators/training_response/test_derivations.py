"""Laws that sympy derived: they hold, a wrong one would not, and NumPy's closed forms agree."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from regime_lib.simulators.training_response import derivations
from regime_lib.simulators.training_response.derivations import Law
from regime_lib.simulators.training_response.one_weight import OneWeight

IMPLICIT = [
    f"{loss}, {target}"
    for loss in ("cross-entropy", "squared")
    for target in ("target one", "target inside")
]


def test_every_law_holds() -> None:
    laws = (
        *derivations.implicit_solutions(),
        *derivations.early_stage(),
        *derivations.late_stage(),
        *derivations.approach_to_inner_targets(),
    )
    assert [law.name for law in laws if not law.holds] == []
    assert [law.name for law in laws[:4]] == IMPLICIT
    assert len({law.name for law in laws}) == 10


def test_a_law_with_a_residual_does_not_hold() -> None:
    assert not Law("wrong", sp.Symbol("u"), sp.Symbol("u") - 1).holds


@pytest.mark.parametrize("name", IMPLICIT)
def test_numpy_and_sympy_have_the_same_closed_form(name: str) -> None:
    (law,) = (law for law in derivations.implicit_solutions() if law.name == name)
    loss, _, target = name.partition(", ")
    value = 1.0 if target == "target one" else 0.7
    system = OneWeight(target=value, loss=loss)  # type: ignore[arg-type]
    u, y = sp.symbols("u y", positive=True)
    slope = sp.lambdify(u, sp.diff(law.formula.subs(y, value), u))
    points = np.array([0.1, 0.4, 0.8, 1.5, 2.5])
    step = 1e-6
    ours = (system.elapsed(points + step) - system.elapsed(points - step)) / (2 * step)
    assert np.allclose(ours, slope(points) * np.ones(5), rtol=1e-6)
    assert np.allclose(ours * system.error(points), 1, rtol=1e-6)
