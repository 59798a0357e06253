"""What a tracker measured: tidy series, saved as Parquet with a manifest."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy.typing import NDArray

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import ALL, Coverage, Layer, Unseen
from regime_lib.instrument.capture.operators import Kind
from regime_lib.instrument.report.page import fragment, page
from regime_lib.instrument.settling.freeze_advice import FreezeAdvice, freeze_advice
from regime_lib.instrument.settling.regime_change import RegimeChange, regime_change
from regime_lib.instrument.shapes import shapes
from regime_lib.instrument.tracking.edge_of_stability import (
    MARGIN,
    WINDOW,
    EdgeOfStability,
    edge_of_stability,
)
from regime_lib.instrument.tracking.net_flips import NetFlips, flips_per_net_flip
from regime_lib.storage import atomic_write, sha256_of, write_text

_FORMAT = 1
_OWN_FILE = re.compile(r"(series|groups|units)-[0-9a-f]{12}\.parquet")


@dataclass(frozen=True, eq=False)
class Series:
    """One quantity over training, for several layers and members."""

    quantity: str
    layers: tuple[str, ...]
    steps: Int[np.ndarray, " steps"]
    values: Float[np.ndarray, "steps layers members"]

    __repr__ = shapes


@dataclass(frozen=True, eq=False)
class Trace:
    """Everything measured in one run, per layer and over all (`layer` "all").

    `regime_lib.instrument.tracking.quantities` lists the quantities and defines them.
    """

    coverage: Coverage
    all_series: tuple[Series, ...]
    groups: Float[np.ndarray, "steps members groups"] | None
    """Pattern change over all layers, in parts of the probe."""
    unit_times: tuple[Int[np.ndarray, "members _units"], ...] | None = None
    """Of every layer, the step at which each unit last flipped on some input (0: never), if the
    tracker was made with ``unit_times=True``. A unit may flip again after the end of the run."""

    @property
    def members(self) -> int:
        """Independent networks in the model."""
        return self.coverage.members

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the quantities that were measured."""
        return tuple(series.quantity for series in self.all_series)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Tidy table with columns step, layer, quantity, value; and member if there are several."""
        if not self.all_series:
            return pd.DataFrame(columns=["step", "layer", "quantity", "value"])
        frame = pd.concat([_tidy(series) for series in self.all_series], ignore_index=True)
        for column in ("layer", "quantity"):
            frame[column] = frame[column].astype("category")
        return frame.drop(columns="member") if self.members == 1 else frame

    def array(
        self, quantity: str, layer: str = ALL
    ) -> tuple[Int[np.ndarray, " steps"], Float[np.ndarray, "steps members"]]:
        """Return steps and values of one quantity of one layer.

        Raises
        ------
        RegimeError
            If the quantity was not measured, or not for this layer.
        """
        found = next((s for s in self.all_series if s.quantity == quantity), None)
        if found is None:
            raise RegimeError(
                f"the trace has no quantity {quantity!r}; it holds {', '.join(self.quantities)}"
            )
        if layer not in found.layers:
            raise RegimeError(
                f"{quantity} was not measured for a layer {layer!r}; "
                f"its layers are {', '.join(found.layers)}"
            )
        return found.steps, found.values[:, found.layers.index(layer)]

    def series(self, quantity: str, layer: str = ALL, member: int = 0) -> pd.Series:
        """Return one quantity of one layer and member, indexed by step."""
        steps, values = self.array(quantity, layer)
        if not 0 <= member < self.members:
            raise RegimeError(
                f"there is no member {member}; members are numbered 0 to {self.members - 1}"
            )
        return pd.Series(values[:, member], index=pd.Index(steps, name="step"), name=quantity)

    def until(self, step: int) -> Trace:
        """Return the trace of the same run, had it ended after `step`.

        Distances to the end are left out: they refer to an end that this run did not have.

        Raises
        ------
        RegimeError
            If nothing was seen until then.
        """
        kept = tuple(
            Series(s.quantity, s.layers, s.steps[s.steps <= step], s.values[s.steps <= step])
            for s in self.all_series
            if not s.quantity.endswith(("_from_end", "_settled")) and s.steps[0] <= step
        )
        if not kept:
            raise RegimeError(f"the trace holds nothing up to step {step}; it starts later")
        groups = self.groups
        if groups is not None:
            steps, _ = self.array("pattern_change")
            groups = groups[steps <= step]
        return Trace(self.coverage, kept, groups)

    def regime_change(self, definition: str = "peak@0.1", **options: Any) -> RegimeChange:
        """Return how much earlier patterns settle than weights (see the function of that name)."""
        return regime_change(self, definition, **options)

    def freeze_advice(self) -> FreezeAdvice:
        """Return what freezing the patterns now would cost at most (see that function)."""
        return freeze_advice(self)

    @property
    def digest(self) -> str:
        """SHA-256 of all that was measured, in hexadecimal."""
        found = hashlib.sha256()
        for series in self.all_series:
            found.update(repr((series.quantity, series.layers, series.values.shape)).encode())
            found.update(np.ascontiguousarray(series.steps).tobytes())
            found.update(np.ascontiguousarray(series.values).tobytes())
        return found.hexdigest()

    def plot(self, axes: Any = None) -> Any:
        """Draw pattern and weight change, each relative to its peak, over the logarithm of time.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
            Where to draw; new axes by default.

        Returns
        -------
        matplotlib.axes.Axes
            To restyle, or to draw more on.

        Raises
        ------
        RegimeError
            If matplotlib is not installed.
        """
        # found by name: what measures does not import what draws
        drawing = import_module("regime_lib.integrations.drawing")
        return drawing.plot(self, axes)

    def report(self, path: str | Path, name: str | None = None) -> Path:
        """Write a page on this run: one HTML file that needs no network.

        Parameters
        ----------
        path : path
            Of the file.
        name : str, optional
            What the run is called; the file's name without its ending by default.
        """
        file = Path(path)
        write_text(file, page({name or file.stem: self}))
        return file

    def _repr_html_(self) -> str:
        return fragment(self)

    def flips_per_net_flip(self, over: str = "window", layer: str = ALL) -> NetFlips:
        """Return how many bits flip for one that finally differs (see the function)."""
        return flips_per_net_flip(self, over, layer)

    def edge_of_stability(
        self, window: int = WINDOW, margin: float = MARGIN, layer: str = ALL
    ) -> EdgeOfStability:
        """Return signs of the edge of stability: bits that flip with period two (see the function).

        Needs a tracker made with ``window=2``.
        """
        return edge_of_stability(self, window, margin, layer)

    def save(self, path: str | Path) -> Path:
        """Write the trace into a folder: Parquet files, and a manifest that names them.

        The manifest is replaced last, so that an interrupted save leaves the earlier trace, or
        none, never half of one.
        """
        folder = Path(path)
        if folder.exists() and not folder.is_dir():
            raise RegimeError(
                f"{folder} is a file; a trace is saved as a folder, so name another one"
            )
        folder.mkdir(parents=True, exist_ok=True)
        files = {"series": _write_parquet(folder, "series", self._table())}
        if self.groups is not None:
            steps, members, groups = self.groups.shape
            index = pd.MultiIndex.from_product([range(steps), range(members), range(groups)])
            table = pd.DataFrame({"value": self.groups.reshape(-1)}, index=index).reset_index(
                names=["row", "member", "group"]
            )
            files["groups"] = _write_parquet(folder, "groups", table)
        if self.unit_times is not None:
            parts = [
                pd.DataFrame(times.T).melt().assign(layer=n)
                for n, times in enumerate(self.unit_times)
            ]
            table = pd.concat(parts).set_axis(["member", "step", "layer"], axis=1)
            files["units"] = _write_parquet(folder, "units", table)
        manifest = {
            "format": _FORMAT,
            "files": files,
            "samples": self.coverage.samples,
            "members": self.members,
            "layers": [asdict(layer) for layer in self.coverage.layers],
            "unseen": [asdict(item) for item in self.coverage.unseen],
        }
        write_text(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
        current = {entry["name"] for entry in files.values()}
        for path in folder.iterdir():
            if _OWN_FILE.fullmatch(path.name) and path.name not in current:
                path.unlink(missing_ok=True)
        return folder

    @classmethod
    def load(cls, path: str | Path) -> Trace:
        """Read a trace that `save` wrote.

        Raises
        ------
        RegimeError
            If the folder holds no trace, or a file of it is missing or damaged.
        """
        folder = Path(path)
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            found = manifest["format"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise RegimeError(
                f"{folder} holds no trace (no readable manifest.json); "
                "pass the folder that trace.save() was given"
            ) from None
        if found != _FORMAT:
            raise RegimeError(
                f"the trace in {folder} has format {found!r}, this library reads format {_FORMAT}; "
                "load it with the version that wrote it"
            )
        try:
            coverage = _coverage_of(manifest)
            tables = {key: _read_parquet(folder, entry) for key, entry in manifest["files"].items()}
            series = tuple(_untidy(tables["series"]))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, RegimeError):
                raise
            raise RegimeError(
                f"the manifest in {folder} is damaged ({type(error).__name__}: {error}); "
                "restore it or run again"
            ) from None
        return cls(
            coverage, series, _parts_of(tables.get("groups")), _times_of(tables.get("units"))
        )

    def __repr__(self) -> str:
        last = max((series.steps[-1] for series in self.all_series), default=0)
        parts = [f"{len(self.all_series)} quantities", f"{len(self.coverage.layers)} layers"]
        parts += [f"{self.members} members"] if self.members > 1 else []
        return f"Trace({', '.join(parts)}, steps 0 to {last})"

    def _table(self) -> pd.DataFrame:
        if not self.all_series:
            raise RegimeError("the trace is empty; save it after at least one observation")
        return pd.concat([_tidy(series) for series in self.all_series], ignore_index=True)


def _coverage_of(manifest: dict[str, Any]) -> Coverage:
    return Coverage(
        tuple(Layer(**(row | {"kind": Kind(row["kind"])})) for row in manifest["layers"]),
        tuple(Unseen(**row) for row in manifest["unseen"]),
        manifest["samples"],
        manifest["members"],
    )


def _parts_of(table: pd.DataFrame | None) -> NDArray[np.float64] | None:
    if table is None:
        return None
    return table["value"].to_numpy().reshape(table.iloc[:, :3].nunique().to_numpy())


def _times_of(table: pd.DataFrame | None) -> tuple[NDArray[np.int64], ...] | None:
    if table is None:
        return None
    layers = (rows for _, rows in table.groupby("layer"))
    return tuple(rows["step"].to_numpy().reshape(rows["member"].nunique(), -1) for rows in layers)


def _tidy(series: Series) -> pd.DataFrame:
    steps, layers, members = series.values.shape
    return pd.DataFrame(
        {
            "step": np.repeat(series.steps, layers * members),
            "layer": np.tile(np.repeat(np.array(series.layers, object), members), steps),
            "quantity": series.quantity,
            "member": np.tile(np.arange(members), steps * layers),
            "value": series.values.reshape(-1),
        }
    )


def _untidy(table: pd.DataFrame) -> list[Series]:
    found = []
    for quantity, rows in table.groupby("quantity", sort=False):
        steps = rows["step"].drop_duplicates().to_numpy()
        layers = tuple(rows["layer"].drop_duplicates())
        values = rows["value"].to_numpy().reshape(len(steps), len(layers), -1)
        found.append(Series(str(quantity), layers, steps, values))
    return found


def _write_parquet(folder: Path, stem: str, table: pd.DataFrame) -> dict[str, str]:
    """Write a table under a name made of its content, so that it never replaces another one."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    name = f"{stem}-{digest[:12]}.parquet"
    with atomic_write(folder / name) as temporary:
        temporary.write_bytes(buffer.getbuffer())
    return {"name": name, "sha256": digest}


def _read_parquet(folder: Path, entry: dict[str, str]) -> pd.DataFrame:
    path = folder / entry["name"]
    if not path.is_file() or sha256_of(path) != entry["sha256"]:
        raise RegimeError(
            f"{path} is missing or was changed since the trace was saved; restore it or run again"
        )
    return pd.read_parquet(path)
