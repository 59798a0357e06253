"""What the runs to the end of training say of a kind of network: changes, times and claims.

The tables are those of `runs`. Parts of the grid that hold no finished run are named, and what
would be measured of them has no number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from regime_lib.chapters import wording
from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.late.grid import PARTS, points
from regime_lib.chapters.three_times.limits import Limits, limits_of
from regime_lib.chapters.three_times.multiverse import UNKNOWN, chosen, multiverse
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.estimate import Estimate, no_number
from regime_lib.instrument.settling.candidates import WINDOW

Tables = Mapping[str, pd.DataFrame]
#: The parts of the grid that each chapter shows.
CNN = ("mnist-cnn", "fashion-mnist-cnn", "cifar10-cnn", "cifar10-resnet")
TRANSFORMER = ("characters", "fashion-mnist-transformer", "sst2")
#: Steps left out at the start, to see whether the first ones decide.
LEFT_OUT = 100
NONE = "no run is finished"
_FEWEST = 3  # runs, or seeds, for a number
_CLAIMED = (0.222, 0.5)  # of the weights' time: about three times earlier, as the claims have it
#: Some definitions, and what they mean.
DEFINED = {
    name: wording.DEFINED[name]
    for name in ("peak@0.25", "peak@0.1", "auc", "cum@0.5", "end@0.1", "start@0.9")
}
_SETTING = ["data", "schedule", "optimiser"]


@dataclass(frozen=True, eq=False)
class LatePart:
    """The finished runs of one part of the grid."""

    name: str
    runs: pd.DataFrame  # a row per run; see `runs`
    times: pd.DataFrame  # of every run by the usual definition: both times, ratio, censored
    series: pd.DataFrame
    looks: pd.DataFrame

    @property
    def title(self) -> str:
        """The data set, in words, and the network where it is not the usual one."""
        return _title(self.name)

    @property
    def steps(self) -> int:
        """Where the runs end."""
        return int(self.runs["steps"].max())

    @property
    def settings(self) -> list[tuple[str, str]]:
        """The schedules and optimisers that have a run, in their order."""
        there = set(zip(self.runs["schedule"], self.runs["optimizer"], strict=True))
        return [(s, o) for s in SCHEDULES for o in OPTIMIZERS if (s, o) in there]

    def curve(
        self, quantity: str, optimizer: str, schedule: str
    ) -> tuple[Int[np.ndarray, " steps"], Float[np.ndarray, "steps runs"]]:
        """Return a quantity of all runs of a setting: of the series, or of the looks."""
        if quantity in self.looks:
            table, value = self.looks, quantity
        else:
            table, value = self.series[chosen(self.series, quantity=quantity)], "value"
        own = table[chosen(table, optimizer=optimizer, schedule=schedule)]
        wide = own.pivot_table(index="step", columns="seed", values=value).dropna()
        return wide.index.to_numpy(dtype=int), wide.to_numpy(dtype=float)

    def come(
        self, quantity: str, optimizer: str, schedule: str
    ) -> tuple[Int[np.ndarray, " steps"], Float[np.ndarray, "steps runs"]]:
        """Return which part of the way from start to end patterns or weights have come, by look."""
        steps, left = self.curve(f"{quantity}_from_end", optimizer, schedule)
        return steps, 1 - left / left[0]


@dataclass(frozen=True, eq=False)
class LateNetwork(Part):
    """What the runs of one kind of network say."""

    parts: dict[str, LatePart]  # those with a finished run
    table: pd.DataFrame  # a row per setting: losses, and what had settled half-way; may be empty


def late_part(tables: Tables, name: str) -> LatePart | None:
    """Return the finished runs of a part of the grid; None where there is none."""
    own = {
        table: tables[table][chosen(tables[table], part=name)]
        for table in ("runs", "series", "looks", "specifications")
    }
    if own["runs"].empty:
        return None
    times = usual(own["specifications"])
    return LatePart(name, own["runs"], times, own["series"], own["looks"])


def usual(
    specifications: pd.DataFrame, *, left_out: int = 0, definition: str = USUAL
) -> pd.DataFrame:
    """Return what a definition, by default that of the book, says of whole runs, a row each."""
    asked = {"size": "absolute", "window": WINDOW, "skipped": left_out}
    found = specifications[chosen(specifications, definition=definition, **asked)]
    last = found.groupby("part", observed=True)["horizon"].transform("max")
    return found[found["horizon"] == last].reset_index(drop=True)


def late_network(tables: Tables, names: Sequence[str], claim: str) -> LateNetwork:
    """Read the parts of one kind of network.

    Parameters
    ----------
    tables : mapping
        The committed tables, see `runs`.
    names : sequence of str
        The parts, such as `CNN`.
    claim : str
        How the ids of the claims begin; an optimiser follows.
    """
    parts = {name: own for name in names if (own := late_part(tables, name)) is not None}
    numbers: Numbers = {
        "late-runs": ", ".join(_finished(name, parts) for name in names),
        "late-inputs": _inputs(parts),
        "late-left-out": LEFT_OUT,
    }
    for schedule in SCHEDULES:
        numbers[f"late-ratios-{schedule}"] = _ratios(parts, schedule)
    whole = tables["specifications"][chosen(tables["specifications"], part=list(names))]
    late = _by_part(usual(whole, left_out=LEFT_OUT), parts)
    numbers["late-without-first"] = _ratios(parts, "constant", late)
    numbers |= {f"late-falls-{name}": _falls(parts, name) for name in OPTIMIZERS}
    claims = {f"{claim}-{name}": share_of_time(parts, name) for name in OPTIMIZERS}
    rows = [row for part in parts.values() for row in _rows(part)]
    table = pd.DataFrame(rows).set_index(_SETTING) if rows else pd.DataFrame()
    return LateNetwork(claims, numbers, parts, table)


def first_layer_flips(tables: Tables, parts: Mapping[str, LatePart]) -> str:
    """Say what share of the first layer flips in single steps late in a run, at a constant rate.

    The steps are those that follow the looks after a tenth of the run.
    """
    said = []
    for name, part in parts.items():
        flips = tables["flips"]
        own = flips[chosen(flips, part=name, layer=0, schedule="constant")]
        late = own[own["at"] > part.steps / 10]
        for optimizer in OPTIMIZERS:
            found = late.loc[chosen(late, optimizer=optimizer), "flips"]
            if len(found):
                words = f"{found.median():.2%} in the median step, {found.max():.2%} at most"
                said.append(f"{NAMES[optimizer]} {words} ({part.title})")
    return "; ".join(said) or NONE


def share_of_time(parts: Mapping[str, LatePart], optimizer: str) -> Estimate:
    """Return the patterns' time over the weights' at a constant rate, median over all runs.

    It is no number where `told` says none.
    """
    found = [
        part.times[chosen(part.times, optimizer=optimizer, schedule="constant")]
        for part in parts.values()
    ]
    rows = pd.concat(found) if found else pd.DataFrame()
    if rows.empty:
        return no_number(NONE)
    least, most = shares(rows)
    plural = "" if len(rows) == 1 else "s"
    over = f"{len(rows)} run{plural} ({', '.join(part.title for part in parts.values())})"
    return told(Limits(least, most, np.arange(len(rows))), _CLAIMED, over)


def told(limits: Limits, ends: tuple[float, float], over: str) -> Estimate:
    """Return a median, if the runs tell where it lies with respect to the ends of a range.

    Fewer than three clusters have no spread to speak of. And where the middle number's own limits
    lie on both sides of an end, censoring leaves the verdict open: the middle between such limits
    is no measurement.
    """
    found = [float(np.median(side)) for side in (limits.least, limits.most)]
    straddles = any(found[0] < end < found[1] for end in ends)
    if straddles or len(np.unique(limits.cluster)) < _FEWEST:
        return no_number(over)
    return limits.median(over)


def shares(
    rows: pd.DataFrame,
) -> tuple[Float[np.ndarray, " runs"], Float[np.ndarray, " runs"]]:
    """Return the limits of the patterns' time over the weights', a pair per run."""
    least, most = limits_of(rows["ratio"], rows["censored"])
    with np.errstate(divide="ignore"):
        return 1 / most, 1 / least


def ratio_in_words(rows: pd.DataFrame, *, why: bool = True) -> str:
    """Say the median ratio of some runs of one setting: a number, a limit, or why there is none."""
    if rows.empty:
        return NONE
    found = multiverse(rows.assign(network="iterate"))
    words = found.words if why else found.brief
    return re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.3g}", words)


def short_ratio(rows: pd.DataFrame) -> str:
    """Say the same in a few signs, for a figure or a table."""
    words = ratio_in_words(rows, why=False)
    for long, short in (("at least ", "≥ "), ("at most ", "≤ ")):
        words = words.replace(long, short)
    return "none" if words in (UNKNOWN, NONE) else words.partition(" (")[0]


def by_definition(tables: Tables, parts: Mapping[str, LatePart]) -> pd.DataFrame:
    """Return the ratio at a constant rate by some definitions: a row per data set and optimiser."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for definition, words in DEFINED.items():
        for name, part in parts.items():
            own = usual(
                tables["specifications"][chosen(tables["specifications"], part=name)],
                definition=definition,
            )
            for schedule, optimizer in part.settings:
                if schedule == "constant":
                    found = own[chosen(own, optimizer=optimizer, schedule=schedule)]
                    row = rows.setdefault((part.title, NAMES[optimizer]), {})
                    row[words] = short_ratio(found)
    return pd.DataFrame.from_dict(rows, orient="index")


def _finished(name: str, parts: Mapping[str, LatePart]) -> str:
    done = len(parts[name].runs) if name in parts else 0
    return f"{_title(name)} {done} of {len(list(points(name)))}"


def _title(name: str) -> str:
    """Return the data set of a part of the grid, and its network where that is a residual one."""
    cell = PARTS[name].cell
    title = NAMES[str(cell["dataset"])]
    return f"{title}, residual network" if cell["architecture"] == "resnet" else title


def _by_part(times: pd.DataFrame, parts: Mapping[str, LatePart]) -> dict[str, pd.DataFrame]:
    return {name: times[chosen(times, part=name)] for name in parts}


def _ratios(
    parts: Mapping[str, LatePart], schedule: str, times: Mapping[str, pd.DataFrame] | None = None
) -> str:
    """Say the ratio of every data set and optimiser under one schedule; not why one is unknown."""
    said = []
    for name, part in parts.items():
        rows = part.times if times is None else times[name]
        found = [
            f"{NAMES[optimizer]} {ratio_in_words(own, why=False)}"
            for optimizer in OPTIMIZERS
            if len(own := rows[chosen(rows, optimizer=optimizer, schedule=schedule)])
        ]
        said += [f"{part.title}: {', '.join(found)}"] if found else []
    return "; ".join(said) or NONE


def _inputs(parts: Mapping[str, LatePart]) -> str:
    """Say which share of the inputs has its last pattern half-way, at a constant rate."""
    said = []
    for part in parts.values():
        rows = [row for row in _rows(part) if row["schedule"] == "constant"]
        found = [f"{row['optimiser']} {row['inputs settled']:.1%}" for row in rows]
        said += [f"{part.title}: {', '.join(found)}"] if found else []
    return "; ".join(said) or NONE


def _falls(parts: Mapping[str, LatePart], optimizer: str) -> str:
    """Say how much both changes fall at a constant rate, data set by data set."""
    said = [
        f"{part.title}: patterns to {patterns:.2f}, weights to {weights:.2f}"
        for part in parts.values()
        if ("constant", optimizer) in part.settings
        for patterns, weights in [late_falls(part, optimizer)]
    ]
    return "; ".join(said) or NONE


def _rows(part: LatePart) -> Iterator[dict[str, float | int | str]]:
    """Yield what every setting came to: losses, and what had settled half-way through the run."""
    for schedule, optimizer in part.settings:
        own = part.runs[chosen(part.runs, optimizer=optimizer, schedule=schedule)]
        steps, inputs = part.curve("settled_samples", optimizer, schedule)
        half = np.abs(steps - part.steps / 2).argmin()
        come = {
            quantity: float(np.median(part.come(quantity, optimizer, schedule)[1][half]))
            for quantity in ("pattern", "weight")
        }
        yield {
            "data": part.title,
            "schedule": schedule,
            "optimiser": NAMES[optimizer],
            "runs": len(own),
            "training loss": float(own["train_loss"].median()),
            "test accuracy": float(own["test_accuracy"].median()),
            "inputs settled": float(np.median(inputs[half])),
            "distance covered, pattern": come["pattern"],
            "distance covered, weights": come["weight"],
        }


def late_falls(part: LatePart, optimizer: str, schedule: str = "constant") -> tuple[float, float]:
    """Return pattern and weight change in the second half of the run over the second tenth."""
    falls = []
    for quantity in ("pattern_change", "weight_change"):
        steps, values = part.curve(quantity, optimizer, schedule)
        share = steps / part.steps
        early, late = (share >= 0.1) & (share <= 0.2), share >= 0.5
        falls.append(float(np.median(values[late].mean(axis=0) / values[early].mean(axis=0))))
    return falls[0], falls[1]
