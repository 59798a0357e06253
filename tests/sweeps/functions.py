"""Functions that sweeps of the tests map over grids, importable by any process."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any


def square(point: dict[str, Any]) -> dict[str, Any]:
    """Return a square, and note the call in a file where one is named."""
    if "log" in point:
        with Path(point["log"]).open("a") as log:
            log.write(f"{point['x']}\n")
    time.sleep(point.get("seconds", 0.0))
    return {"square": point["x"] ** 2}


def several(point: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"claim": name, "value": point["x"] * k} for k, name in enumerate("abc")]


def fragile(point: dict[str, Any]) -> dict[str, Any]:
    """Raise at one point as long as a file stands."""
    if point["x"] == 2 and Path(point["broken"]).exists():
        raise ValueError("two is broken\nand this line is not told")
    return {"square": point["x"] ** 2}


def suicidal(point: dict[str, Any]) -> dict[str, Any]:
    """Kill the own process at one point: always, or once if a file can be made."""
    if point["x"] == 3:
        mark = Path(point["mark"])
        if point["always"] or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return {"square": point["x"] ** 2}


def last_after_its_death(point: dict[str, Any]) -> dict[str, Any]:
    """Die at the first point; when it is made again, wait for all others to be finished."""
    results, others = Path(point["results"]), 0
    if point["x"] == 0:
        mark = results.parent / "mark"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        deadline = time.monotonic() + 30
        while others < 5 and time.monotonic() < deadline:
            others = len(list(results.glob("*.json")))
            time.sleep(0.02)
    return {"others": others}


def ending(point: dict[str, Any]) -> dict[str, Any]:
    """Try to end more than the own call."""
    if point["how"] == "exit":
        sys.exit(point["code"])
    if point["how"] == "interrupt":
        raise KeyboardInterrupt
    return {"square": point["x"] ** 2}


def unstorable(point: dict[str, Any]) -> dict[Any, Any]:
    """Return what a table cannot hold at the points that ask for it."""
    results: dict[str, dict[Any, Any]] = {
        "large": {"a": 2**70},
        "low": {"a": -(2**63) - 1},
        "text": {"a": "\ud800"},
        "name": {"\ud800": 1},
        "word": {"a": ValueError("\ud800")},
        "fine": {"a": 2**63 - 1},
    }
    result = results[point.get("what", "fine")]
    if isinstance(result["a" if "a" in result else "\ud800"], ValueError):
        raise result["a"]
    return result


def on_a_full_disk(point: dict[str, Any]) -> dict[str, Any]:
    """From the third point on, this process may write no more than a few bytes to a file."""
    if point["x"] >= 2:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))
    return {"square": point["x"] ** 2}


def unfit(point: dict[str, Any]) -> Any:
    return [5, {"table": [1, 2]}, [{"x": 2}, {"x": 1}]][point["x"]]


def harmful(point: dict[str, Any]) -> dict[str, Any]:
    """End, hang, fill or flood the own process at the points that ask for it."""
    match point["how"]:
        case "exit":
            os._exit(0)
        case "segfault":
            ctypes.string_at(0)
        case "memory":
            limit = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (1 << 33, limit[1]))
            try:
                bytearray(1 << 40)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, limit)
        case "hang":
            time.sleep(600)
        case "flood":
            for stream in (sys.stdout, sys.stderr):
                stream.write("x" * 5_000_000)
                stream.flush()
            os.write(1, b"y" * 5_000_000)
    return {"square": point["x"] ** 2}
