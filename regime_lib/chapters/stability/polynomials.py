"""The architectures whose pre-activations are checked by algebra, and those that must fail."""

from __future__ import annotations

import pandas as pd

from regime_lib.simulators.exact import symbolic
from regime_lib.simulators.exact.blueprints import Blueprint, convolution, dense, residual, tied
from regime_lib.simulators.exact.transformer import TransformerCheck, check_transformer


def checked_architectures() -> tuple[list[bool], pd.DataFrame]:
    """Check small architectures on every pattern, larger ones with masks, and a Transformer.

    The flags say by architecture whether every pre-activation is its own bias plus a rest, and none
    vanishes.
    """
    one_by_one: tuple[Blueprint, ...] = (
        *map(dense, ((2, 3, 2), (2, 3, 3, 2), (3, 4, 4, 2))),
        convolution(4, (1, 2, 2), 3),
        residual(2, 2, 2),
    )
    at_once: tuple[Blueprint, ...] = (
        *map(dense, ((4, 8, 8, 3), (4, 6, 6, 6, 3), (3, 4, 4, 4, 4, 2), (8, 16, 16, 4))),
        convolution(6, (1, 3, 3, 2), 3),
        residual(4, 3, 3),
    )
    checks = [
        *(("every pattern", symbolic.check_every_pattern(network)) for network in one_by_one),
        *(("masks", symbolic.check_with_masks(network)) for network in at_once),
    ]
    rows = [
        _row(check, way=way, pairs=f"{check.pairs:,}") | {"affine": "yes" if check.affine else "no"}
        for way, check in checks
    ]
    stack = check_transformer()
    rows.append(_transformer("Transformer, two blocks", stack) | {"way": "masks"})
    holds = [check.graphs and check.vanishing == 0 for _, check in checks]
    holds.append(stack.with_own_bias == stack.units)
    return holds, _table(rows)


def controls() -> pd.DataFrame:
    """Check networks that must fail: without biases, or with parameters that are used twice."""
    chains = [
        _row(symbolic.check_every_pattern(dense(sizes, bias=False)))
        | {"predicted zero": symbolic.vanishing_without_biases(sizes)}
        for sizes in ((2, 3, 2), (2, 3, 3, 2), (2, 2, 2, 2, 2))
    ]
    healed = symbolic.check_every_pattern(residual(2, 2, 2, bias=False))  # a skip heals dead layers
    others = [
        _row(healed) | {"predicted zero": 0},
        _row(symbolic.check_every_pattern(convolution(4, (1, 2, 2), 3, bias=False))),
        _row(symbolic.check_every_pattern(tied(2, 3))),
        _transformer("Transformer, shared blocks", check_transformer(tied=True)),
    ]
    return _table([*chains, *others])


def _row(check: symbolic.SymbolicCheck, **more: int | str) -> dict[str, int | str]:
    return {
        "architecture": check.network,
        **more,
        "polynomials": check.polynomials,
        "own bias": check.with_own_bias,
        "identically zero": check.vanishing,
    }


def _transformer(name: str, check: TransformerCheck) -> dict[str, int | str]:
    """Describe a check that sees no polynomials, only which biases feed back."""
    return {"architecture": name, "polynomials": check.units, "own bias": check.with_own_bias}


def _table(rows: list[dict[str, int | str]]) -> pd.DataFrame:
    """Return rows as a table, with a dash where a question does not apply."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame([{name: row.get(name, "–") for name in columns} for row in rows])
