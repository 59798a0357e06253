"""Watch how neural networks train in regimes: the library behind the book *Regimes of Learning*."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regime_lib.instrument import (
        Certificate,
        Definition,
        RegimeChange,
        RegimeTracker,
        StepCertificate,
        TimeScale,
        Trace,
        certify,
        certify_step,
        flip_law,
        regime_change,
        time_scale,
    )

__version__ = "0.1.0"

__all__ = [
    "Certificate",
    "Definition",
    "RegimeChange",
    "RegimeTracker",
    "StepCertificate",
    "TimeScale",
    "Trace",
    "__version__",
    "certify",
    "certify_step",
    "flip_law",
    "regime_change",
    "time_scale",
]


def __getattr__(name: str) -> Any:
    """Load the instrument, and with it torch, only when it is used."""
    if name in __all__:
        return getattr(import_module("regime_lib.instrument"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
