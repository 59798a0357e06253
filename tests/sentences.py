"""A user's mistake is answered by one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jaxtyping import TypeCheckError
from torch import Tensor

from regime_lib.errors import RegimeError

#: How every skip begins that is owed to checked annotations; these tests run again without.
TYPE_CHECKER = "the run-time type checker"


def refusal(names: str, action: Callable[[], Any]) -> str:
    """Check that `action` is refused in one sentence that names something; return the sentence."""
    try:
        with pytest.raises(RegimeError) as caught:
            action()
    except TypeCheckError:  # only with --jaxtyping-packages
        pytest.skip(f"{TYPE_CHECKER} refuses this before the library can")
    message = str(caught.value)
    assert names in message, message
    assert "\n" not in message
    assert 20 < len(message) < 500
    assert ". " not in message.replace("e.g. ", "").replace("...", ""), f"two sentences: {message}"
    return message


def stable(value: object) -> str:
    """Name a test case in the same way in every process: no addresses, no random numbers."""
    if isinstance(value, Tensor):
        return f"tensor{tuple(value.shape)}"
    if isinstance(value, dict):
        return ",".join(f"{key}={stable(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return f"[{','.join(map(stable, value))}]"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return str(value)
