"""A user's mistake is answered by one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from regime_lib.errors import RegimeError


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """Check that the block is refused in one sentence that holds all `words`."""
    with pytest.raises(RegimeError) as caught:
        yield
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence
    assert not sentence.rstrip(".").endswith(" ")
    assert len(sentence) < 400, sentence
