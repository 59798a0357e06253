"""Made-up tables of branches, whose costs and settling times are known."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from regime_lib.instrument.settling.candidates import DEFINITIONS

SHARES = (0.0, 0.1, 0.5)
STEPS = 200
PARTIAL = ("first layer", "last layer", "quiet half", "restless half", "until half")


def branches(
    cost: Callable[[int, float], float] = lambda seed, share: 2 * (0.5 - share),
    seeds: int = 12,
    optimizers: tuple[str, ...] = ("adamw", "momentum"),
) -> pd.DataFrame:
    """Return branches of which `cost` says the points lost, by seed and share."""
    rows = []
    for optimizer in optimizers:
        for seed in range(seeds):
            best = 0.9 + 0.001 * seed
            named = {
                "dataset": "digits",
                "architecture": "mlp",
                "optimizer": optimizer,
                "schedule": "cosine",
                "seed": seed,
                "steps": STEPS,
            }

            def row(what: str, step: int, lost: float, named=named, best=best) -> dict:
                right = best - lost / 100
                return {
                    **named,
                    "what": what,
                    "step": step,
                    "level": float("nan") if step == 0 else 1 - step / STEPS,
                    "test_accuracy": right,
                    "train_loss": 0.1 * (1 + lost),
                    "clean_accuracy": right,
                    "noisy_accuracy": right - 0.1 - lost / 100,
                    "attacked_accuracy": right - 0.2,
                }

            rows.append(row("never", STEPS, 0.0))
            rows += [row("all", round(s * STEPS), cost(seed, s)) for s in SHARES]
            rows += [row(what, STEPS // 10, 0.1 * k) for k, what in enumerate(PARTIAL)]
            rows.append(row("new data, live", STEPS // 2, 3.0))
            rows.append(row("new data, frozen", STEPS // 2, 5.0))
    return pd.DataFrame(rows)


def times(time: Callable[[int], float], seeds: int = 12, **choices: str) -> pd.DataFrame:
    """Return the time of every run under every definition, all alike."""
    return pd.DataFrame(
        {
            "dataset": "digits",
            "architecture": "mlp",
            "optimizer": optimizer,
            "schedule": "cosine",
            "seed": seed,
            "steps": STEPS,
            "definition": definition,
            "of": of,
            "time": time(seed),
            "censored": False,
        }
        for optimizer in ("adamw", "momentum")
        for seed in range(seeds)
        for definition in DEFINITIONS
        for of in ("pattern", "weight")
    )
