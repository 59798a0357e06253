"""Where a sweep's results lie: one file per point, written whole or not at all.

A store is a folder of this machine or any address that fsspec understands (a bucket, a server).
In a local folder files are written beside their place and renamed; elsewhere an upload appears
whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.errors import RegimeError, extra
from regime_lib.storage import all_or_nothing, atomic_write
from regime_lib.sweeps.grid import Point

Row = dict[str, Any]

_DIGITS = 24
_RESULTS, _FAILURES, _PLAN = "results", "failures", "plan.json"


def point_key(point: Point, depends: Mapping[str, Any]) -> str:
    """Return the name of a point's result: a digest of the point and of all that it depends on."""
    try:
        return digest_of([point, depends], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RegimeError(f"the point {point} cannot be written as JSON ({error})") from None


@dataclass(frozen=True)
class Status:
    """How far a sweep has come."""

    done: int  #: points with a result
    failed: int  #: points whose last attempt failed
    missing: int  #: points never finished
    errors: tuple[tuple[Point, str], ...] = ()  #: failed points, each with what explains it

    def __str__(self) -> str:
        return f"{self.done} done, {self.failed} failed, {self.missing} missing"


class Store:
    """The files of one sweep.

    Parameters
    ----------
    place : str or Path
        A folder, or an address such as ``s3://bucket/folder`` (needs fsspec and its driver).
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        remote = "://" in self.place and not self.place.startswith("file://")
        self._files: _Folder | _Remote = _Remote(self.place) if remote else _Folder(self.place)

    def require_writable(self) -> None:
        """Refuse a place that cannot be written to, before any work is done."""
        try:
            self._files.write(".writable", "")
            self._files.remove(".writable")
        except Exception as error:  # drivers raise what they like
            raise RegimeError(
                f"{self.place} cannot be written to ({told(error)}); name another folder"
            ) from None

    def claim(self, key: str, wait: bool = True) -> AbstractContextManager[bool]:
        """Keep other processes here from the point; False if one has it and there is no `wait`."""
        return self._files.lock(f"locks/{key}.lock", wait)

    def result(self, key: str) -> list[Row] | None:
        """Return the rows of a finished point; None if it is missing or damaged."""
        match self._read(f"{_RESULTS}/{key}.json"):
            case {"rows": list(rows), "digest": str(digest)} if digest == digest_of(rows):
                return rows
        return None

    def save_result(self, key: str, point: Point, rows: Sequence[Row], seconds: float) -> None:
        """Keep the rows of a finished point."""
        content = {"point": point, "rows": rows, "seconds": seconds, "digest": digest_of(rows)}
        self._files.write(f"{_RESULTS}/{key}.json", json.dumps(content))
        self._files.remove(f"{_FAILURES}/{key}.json")

    def save_failure(self, key: str, point: Point, error: str) -> None:
        """Keep why a point failed, until it succeeds."""
        content = json.dumps({"point": point, "error": error})
        self._files.write(f"{_FAILURES}/{key}.json", content)

    def failure(self, key: str) -> str | None:
        """Return why the last attempt at a point failed; None if it did not."""
        found = self._read(f"{_FAILURES}/{key}.json")
        return None if found is None else str(found.get("error"))

    def seconds(self, key: str) -> float:
        """Return how long a finished point took."""
        match self._read(f"{_RESULTS}/{key}.json"):
            case {"seconds": int() | float() as seconds}:
                return float(seconds)
        return 0.0

    def save_plan(self, points: Mapping[str, Point], version: str) -> None:
        """Add points to the sweep; those of another version leave it, their results stay."""
        with self._files.lock("plan.lock"):
            stored = self._read(_PLAN) or {}
            known = self.plan() if stored.get("version") == version else {}
            content = {"version": version, "points": {**known, **points}}
            if content != stored:
                self._files.write(_PLAN, json.dumps(content))

    def plan(self) -> dict[str, Point]:
        """Return every point that was asked for so far, by key."""
        match self._read(_PLAN):
            case {"points": dict(points)} if all(isinstance(p, dict) for p in points.values()):
                return points
        return {}

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write further files, such as the table; in a folder of this machine all or none."""
        self._files.write_all(files)

    def status(self) -> Status:
        """Say how far the sweep has come; refused where none was started."""
        points = self.plan()
        if not points:
            raise RegimeError(f"{self.place} holds no sweep; start one with regime sweep")
        done = {key for key in points if self.result(key) is not None}
        errors = {key: self.failure(key) for key in points if key not in done}
        failed = [(points[key], error) for key, error in errors.items() if error is not None]
        return Status(len(done), len(failed), len(points) - len(done) - len(failed), tuple(failed))

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found = json.loads(self._files.read(name))
        except (OSError, ValueError, RecursionError):
            return None  # missing, or damaged by something else: it can be made again
        return found if isinstance(found, dict) else None


class _Folder:
    def __init__(self, place: str) -> None:
        self._root = Path(place.removeprefix("file://"))

    def read(self, name: str) -> str:
        return (self._root / name).read_text(encoding="utf-8")

    def write(self, name: str, content: bytes | str) -> None:
        data = content.encode() if isinstance(content, str) else content
        with atomic_write(self._root / name, durable=False) as temporary:  # it has a digest
            temporary.write_bytes(data)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        with all_or_nothing() as beside:
            for name, data in files.items():
                beside(self._root / name).write_bytes(data)

    def remove(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def lock(self, name: str, wait: bool = True) -> Iterator[bool]:
        with extra("sweep"):
            from filelock import FileLock, Timeout

        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(path).acquire(timeout=-1 if wait else 0)
        except Timeout:
            yield False
            return
        with held:
            yield True
            path.unlink(missing_ok=True)  # whoever waits for it looks for the result first


class _Remote:
    def __init__(self, place: str) -> None:
        with extra("sweep"):
            import fsspec

        try:
            self._system, self._root = fsspec.core.url_to_fs(place)
        except (ImportError, ValueError) as error:
            raise RegimeError(
                f"{place} cannot be opened ({told(error)}); install the driver that it needs, "
                "or name a folder"
            ) from None

    def read(self, name: str) -> str:
        return str(self._system.cat_file(f"{self._root}/{name}").decode())

    def write(self, name: str, content: bytes | str) -> None:
        data = content.encode() if isinstance(content, str) else content
        path = f"{self._root}/{name}"
        self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._system.pipe_file(path, data)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self.write(name, data)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._system.rm_file(f"{self._root}/{name}")

    def lock(self, name: str, wait: bool = True) -> AbstractContextManager[bool]:
        return nullcontext(True)  # two machines may then do a point twice, with the same result


def digest_of(content: Any, allow_nan: bool = True) -> str:
    """Return a short digest of something that JSON can hold."""
    text = json.dumps(content, sort_keys=True, allow_nan=allow_nan)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def told(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says, in characters that print."""
    words = str(error).strip().encode("utf-8", "backslashreplace").decode().splitlines()
    return f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
