"""Why a target was missed, and whether it can be reached: sentences made of what was measured."""

from __future__ import annotations

from typing import Any

from benchmarks.own_forward import SPARSE
from benchmarks.parts import BARE, FORWARD, NORMS

Row = dict[str, Any]
_LISTENING = "listening to the forward pass, whose every call of PyTorch goes through Python"


def of_probe(results: dict[str, Any], targets: dict[str, float]) -> list[str]:
    """Say it for every workload whose tracker missed its target or is behind the naive way."""
    said = []
    for work, target in targets.items():
        ratios = {
            row["variant"]: row["over_bare_probe"]
            for row in results["tracking"]
            if row["workload"] == work
        }
        ours, naive = ratios["+ tracker"], ratios["+ naive (bool masks, clones)"]
        if _met(ours, target) and ours <= naive:
            continue
        behind = "behind" if ours > naive else "ahead of"
        shares = _added([row for row in results["parts"] if row["workload"] == work])
        said.append(
            f"{work}: {ours:.2f} times the bare probe, where the target is {target}, and {behind} "
            f"the naive way's {naive:.2f}. "
            f"{_floor(ratios['+ the arithmetic alone'], ours, target)} "
            f"{_norms(shares[NORMS], target)}"
            "In shares of a training step with the bare probe, the tracker spends "
            f"{_listed(shares)}."
        )
    return said


def of_own_forward(results: dict[str, Any], target: float) -> list[str]:
    """Say it for every workload whose own forward pass, weights now and then, missed its target."""
    said = []
    for row in results["own_forward"]:
        if row["variant"] != SPARSE or _met(row["over_training"], target):
            continue
        work, excess = row["workload"], row["over_training"] - 1
        step = 1e3 * next(
            other["cpu_ms"]
            for other in results["own_forward"]
            if other["workload"] == work and other["variant"] == "train only"
        )
        shares = {
            part["part"]: part["us"] / step
            for part in results["own_parts"]
            if part["workload"] == work
        }
        arithmetic = sum(shares.values())
        verdict = (
            "more than the target leaves: it cannot be reached while every unit is packed and "
            "compared at every step"
            if arithmetic > target - 1
            else "less than the target leaves: what misses it is the rest"
        )
        rest = excess - arithmetic
        said.append(
            f"{work}: {row['over_training']:.2f} times the plain step, where the target is "
            f"{target}. In shares of a plain step, watching spends {_listed(shares)}; together "
            f"{arithmetic:.3f}, {verdict}. "
            + (
                f"The rest, {rest:.3f}, is {_LISTENING}."
                if rest > 0
                else "What listening adds to that cannot be told from noise."
            )
        )
    return said


def _met(ratio: float, target: float) -> bool:
    return round(ratio, 2) <= target


def _floor(alone: float, ours: float, target: float) -> str:
    said = f"The arithmetic alone, written plainly, takes {alone:.2f}:"
    if alone >= ours:
        return f"{said} no less than the tracker, which goes through memory in blocks."
    if not _met(alone, target):
        return (
            f"{said} already more than the target, which cannot be reached as long as patterns are "
            "packed and compared and parameters measured after every step from Python."
        )
    return (
        f"{said} the target leaves {max(0.0, target - alone):.2f} for finding every rectifier, "
        "refusing a pass that changed, putting everything back, snapshots and series."
    )


def _norms(share: float, target: float) -> str:
    """Say whether measuring the parameters alone takes more than the target leaves."""
    if share <= target - 1:
        return ""
    return (
        f"Norms of the parameters alone take {share:.3f}, more than the target leaves: after every "
        "step all parameters are read, those before it are read and written over, and less is not "
        "enough to measure a change. "
    )


def _added(parts: list[Row]) -> dict[str, float]:
    """Return what each part adds to the bare probe."""
    shares = {row["part"]: row["of_bare_step"] for row in parts}
    listening = shares.pop(FORWARD) - shares.pop(BARE)
    return {_LISTENING: max(0.0, listening)} | shares


def _listed(shares: dict[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return "; ".join(f"{share:.3f} on {part}" for part, share in ordered)
