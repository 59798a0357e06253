"""A user's mistake is answered by one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jaxtyping import TypeCheckError

from regime_lib.errors import RegimeError


def refusal(names: str, action: Callable[[], Any]) -> str:
    """Check that `action` is refused in one sentence that names something; return the sentence."""
    try:
        with pytest.raises(RegimeError) as caught:
            action()
    except TypeCheckError:  # only with --jaxtyping-packages
        pytest.skip("the type checker refuses this before the library can")
    message = str(caught.value)
    assert names in message, message
    assert "\n" not in message
    assert 20 < len(message) < 500
    assert ". " not in message.replace("e.g. ", "").replace("...", ""), f"two sentences: {message}"
    return message
