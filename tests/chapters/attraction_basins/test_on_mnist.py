"""The committed runs on MNIST of chapter 61 come back as what its figures take."""

from __future__ import annotations

import pandas as pd
import pytest

from regime_lib.chapters.attraction_basins import figures, headlines
from regime_lib.chapters.attraction_basins import on_mnist as large
from regime_lib.companion.figures.theme import Theme
from tests.chapters.attraction_basins.test_many_runs import planted, started


def test_parts_come_back_and_say_what_was_found() -> None:
    rows = pd.concat([pd.DataFrame(planted({64: 2, 128: 3, 256: 4})), started()])
    found = large.on_mnist(rows.sample(frac=1, random_state=0))
    assert found.numbers["mnist-width"] == 256
    assert (found.numbers["mnist-runs-starts"], found.numbers["mnist-runs-depths"]) == (8, 12)
    said = headlines.depth_and_width(found.depth, "MNIST")
    assert "On MNIST the best number of hidden layers is 2, 3 and 4, at widths of 64" in said
    assert found.numbers["mnist-sample-basin-depth"] == pytest.approx(2.2 / 1.2)
    long = {"nd-sample-basin-depth": 1.06, "nd-weight-basin-depth": 0.9}
    assert "1.06 times the sample basin of one, and 0.90" in headlines.depths_of_long_run(long)
    gains = headlines.two_starts(found.starts, "MNIST")
    assert "by +4.8 (usual start) and −4.8 (fixed start) points" in gains
    assert "On MNIST the 0 has the largest basin, 3.00" in headlines.by_class(
        found.classes, "MNIST"
    )
    assert len(figures.two_starts(Theme(), found.starts).axes) == 2
    assert len(figures.by_class(Theme(), found.classes).axes) == 3
    assert "width 256: best 0.900 at 4 layers" in figures.depth_and_width_alt(found.depth)
