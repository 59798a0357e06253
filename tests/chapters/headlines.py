"""What every headline of a figure must be: one sentence, so that a page shows all of it in bold."""

from __future__ import annotations

from regime_lib.companion.publish.figure_page import headline_and_rest


def one_sentence(said: str) -> str:
    """Return a headline, after checking that it is a whole sentence and no more."""
    assert headline_and_rest(f"{said} The rest.") == (said, "The rest.")
    assert said[0].isupper() or said[0].isdigit()
    assert said.endswith(".")
    return said
