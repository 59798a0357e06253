"""What this folder knows of a trace: its series by name, and in parts of the probe."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from regime_lib.instrument.capture.coverage import ALL


@runtime_checkable
class Recorded(Protocol):
    """One run as `regime_lib.Trace` holds it."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the quantities that were measured."""

    @property
    def groups(self) -> Float[np.ndarray, "steps members groups"] | None:
        """Pattern change over all layers, in parts of the probe."""

    def array(
        self, quantity: str, layer: str = ALL
    ) -> tuple[Int[np.ndarray, " steps"], Float[np.ndarray, "steps members"]]:
        """Return steps and values of one quantity of one layer."""


def of_single_steps(run: Recorded) -> bool:
    """Whether patterns were compared with those one step before, not with an earlier epoch's."""
    return "lag" not in run.quantities or not np.any(run.array("lag")[1] != 1)
