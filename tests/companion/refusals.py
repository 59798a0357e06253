"""A user's mistake is answered by one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from jaxtyping import TypeCheckError

from regime_lib.errors import RegimeError
from tests.sentences import TYPE_CHECKER


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """Check that the block is refused in one sentence that holds all `words`."""
    try:
        yield
    except TypeCheckError:  # only with --jaxtyping-packages
        pytest.skip(f"{TYPE_CHECKER} refuses this before the library can")
    except RegimeError as caught:
        sentence = str(caught)
        assert all(word in sentence for word in words), sentence
        assert "\n" not in sentence
        assert len(sentence) < 400, sentence
    else:
        pytest.fail(f"nothing was refused; expected a sentence with {words}")
