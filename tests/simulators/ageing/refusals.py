"""A user's mistake is answered by one sentence, or by the run-time type checker before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from jaxtyping import TypeCheckError

from regime_lib.errors import RegimeError


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """Check that the block is refused in one sentence that holds all `words`."""
    try:
        yield
    except TypeCheckError:  # only with --jaxtyping-packages
        return
    except RegimeError as caught:
        sentence = str(caught)
        assert all(word in sentence for word in words), sentence
        assert "\n" not in sentence
        assert len(sentence) < 400, sentence
    else:
        pytest.fail(f"nothing was refused; expected a sentence with {words}")
