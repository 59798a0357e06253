"""Watch how neural networks train in regimes: the library behind the book *Regimes of Learning*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regime_lib._lazy import attach

if TYPE_CHECKING:
    from regime_lib.instrument.certificates.path import StepCertificate, certify_step
    from regime_lib.instrument.certificates.radius import Certificate, certify
    from regime_lib.instrument.settling.definitions import Definition, TimeScale
    from regime_lib.instrument.settling.regime_change import RegimeChange, regime_change
    from regime_lib.instrument.settling.timescales import time_scale
    from regime_lib.instrument.tracking.flip_law import flip_law
    from regime_lib.instrument.tracking.trace import Trace
    from regime_lib.instrument.tracking.tracker import RegimeTracker

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

__getattr__, __dir__ = attach(__name__, __file__)
