"""The committed runs on MNIST of chapter 61 come back as what its figures take."""

from __future__ import annotations

import pandas as pd
import pytest

from regime_lib.chapters.attraction_basins import figures
from regime_lib.chapters.attraction_basins import on_mnist as large
from regime_lib.companion.figures.theme import Theme
from tests.chapters.attraction_basins.test_many_runs import planted, started


def test_parts_come_back_and_say_what_was_found() -> None:
    rows = pd.concat([pd.DataFrame(planted({64: 2, 128: 3, 256: 4})), started()])
    found = large.on_mnist(rows.sample(frac=1, random_state=0))
    assert found.numbers["mnist-width"] == 256
    assert (found.numbers["mnist-runs-starts"], found.numbers["mnist-runs-depths"]) == (8, 12)
    assert "is 2, 3 and 4, at widths of 64, 128 and 256" in large.best_found(found)
    assert found.numbers["mnist-sample-basin-depth"] == pytest.approx(2.2 / 1.2)
    ids = ["nd-sample-basin-depth", "nd-weight-basin-depth"]
    long = pd.DataFrame({"id": ids, "value": [1.06, 0.9]})
    assert "1.06 times the sample basin of one, and 0.90 times" in large.depth_found(long)
    assert "+4.8 points from the narrowest" in large.starts_found(found)
    assert "and -4.8 if" in large.starts_found(found)
    assert "The digit 0" not in large.classes_found(found)
    assert "the digit 0 has the largest basin, 3.00" in large.classes_found(found)
    assert len(figures.two_starts(Theme(), found.starts).axes) == 2
    assert len(figures.by_class(Theme(), found.classes).axes) == 3
    assert "width 256: best 0.900 at 4 layers" in figures.depth_and_width_alt(found.depth)
