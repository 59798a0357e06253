"""Every verdict has colours that can be read: on its badge, and as an outline on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regime_lib.companion.claims.claims import Verdict

SHEETS = Path(__file__).parents[3] / "book" / "_static"
CARDS = (SHEETS / "cards.css").read_text(encoding="utf-8")
PAGES = {"light": ["#ffffff", "#f5f7fa"], "dark": ["#14181e", "#1a2029"]}  # ground, and its tint


def colours(theme: str) -> dict[str, str]:
    """Return the colours of a theme, as the sheet declares them: light first, dark over them."""
    plain, dark = CARDS.split('html[data-theme="dark"] {', 1)
    declared = [plain, dark.split("}", 1)[0]] if theme == "dark" else [plain]
    pairs = [pair for part in declared for pair in re.findall(r"--([\w-]+): (#\w{6});", part)]
    return dict(pairs)


def luminance(colour: str) -> float:
    """WCAG 2.1, relative luminance."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_can_be_read_on_its_badge_and_outlined(verdict: Verdict, theme: str) -> None:
    name = re.search(
        rf"\.rl-{verdict.replace(' ', '-')}\b[^{{]*{{ --rl-verdict: var\(--([\w-]+)\)", CARDS
    )
    assert name is not None, f"{verdict} has no colour"
    known = colours(theme)
    for ground in (known["rl-on-badge"], *PAGES[theme]):
        assert contrast(known[name[1]], ground) >= 4.5, (verdict, theme, ground)
