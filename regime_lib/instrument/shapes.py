"""How results that hold arrays print themselves: shapes, not numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any

import numpy as np
from torch import Tensor

_LONGEST = 60  # characters of a value


def shapes(self: Any) -> str:
    """Return a dataclass as text, with the type and shape of each array in it."""
    parts = [f"{field.name}={_short(getattr(self, field.name))}" for field in fields(self)]
    return f"{type(self).__name__}({', '.join(parts)})"


def _short(value: object) -> str:
    if isinstance(value, np.ndarray | Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    text = repr(value) if not isinstance(value, Collection) or isinstance(value, str) else ""
    return text if 0 < len(text) <= _LONGEST else f"<{type(value).__name__}>"
