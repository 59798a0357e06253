"""Figures are set in the book's typeface, which comes along, in both weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib import font_manager, rc_context
from matplotlib.ft2font import FT2Font

from regime_lib.companion.figures import typeface
from regime_lib.companion.figures.theme import Theme
from regime_lib.errors import RegimeError


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_words_of_every_weight_come_from_the_files_beside_the_module(weight: str) -> None:
    with rc_context(Theme(dark=False, narrow=False).rc()):
        found = font_manager.findfont(font_manager.FontProperties(weight=weight))
    assert found == str(typeface.FILES[weight != "normal"])


def test_the_files_have_latin_greek_and_the_signs_of_numbers() -> None:
    for file in typeface.FILES:
        letters = FT2Font(str(file)).get_charmap()
        assert {*map(ord, "aZ09äéΔσ−×·²…–")} <= set(letters)


def test_a_missing_font_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(typeface, "FILES", (tmp_path / "none.ttf",))
    typeface.register.cache_clear()
    with pytest.raises(RegimeError, match=r"none\.ttf of figures is missing or damaged"):
        typeface.register()
    (tmp_path / "none.ttf").write_bytes(b"no font")
    with pytest.raises(RegimeError, match="damaged"):
        typeface.register()
