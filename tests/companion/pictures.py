"""Pictures that tests of pages show."""

from __future__ import annotations

import base64
import io

from PIL import Image

from regime_lib.companion.figures.drawn import VARIANTS


def tiny_pictures() -> dict[str, str]:
    """Return a PNG of four by three pixels for every variant of a figure, in base64."""
    content = io.BytesIO()
    Image.new("RGB", (4, 3)).save(content, format="PNG")
    return dict.fromkeys(VARIANTS, base64.b64encode(content.getvalue()).decode())
