"""Many runs on MNIST of chapter 61: their rows say what the scans of the page would say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.attraction_basins import many_runs
from regime_lib.chapters.attraction_basins.depths import DEPTHS

_WIDTHS = (64, 128, 256)
_RUNS, _STARTS = 12, 8


def planted(best: dict[int, int]) -> Iterator[dict[str, Any]]:
    """Yield rows of networks whose best depth at each width is planted; every run is a bit off."""
    rng = np.random.default_rng(0)
    for seed in range(_RUNS):
        for width in _WIDTHS:
            for depth in DEPTHS:
                row = {"part": "depths", "seed": seed, "width": width, "depth": depth}
                row["accuracy"] = 0.9 - 0.01 * abs(depth - best[width]) + 1e-4 * rng.random()
                if width == max(_WIDTHS):
                    row |= {"sample_basin": 1 + depth / 5, "weight_basin": 12 / (1 + depth)}
                yield row
        for digit in range(10):
            sizes = {"sample_basin": 3.0 if digit in (0, 2) else 1.5, "slope": 2.0 - digit / 9}
            yield {"part": "depths", "seed": seed, "digit": digit, **sizes}


def started() -> pd.DataFrame:
    """Return rows of networks of three widths under both starts; the basin grows with the width."""
    return pd.DataFrame(
        {"part": "starts", "seed": seed, "start": start, "width": width,
         "accuracy": 0.9 + 0.0001 * width * (1 if start == "usual" else -1),
         "sample_basin": 1.0, "weight_basin": width / 32}
        for seed in range(_STARTS) for start in ("usual", "fixed") for width in (32, 128, 512)
    )  # fmt: skip


def test_planted_depths_come_back() -> None:
    rows = pd.DataFrame(planted({64: 2, 128: 3, 256: 4}))
    claims, numbers = many_runs.claims_of(rows.sample(frac=1, random_state=1))
    assert claims.keys() == {"nd-best-depth-width", "nd-depth-six-to-eight"}
    claims |= many_runs.beside_long_run(pd.concat([rows, started()]))
    assert claims["nd-best-depth-width"].value == 2
    assert claims["nd-depth-six-to-eight"].value == pytest.approx(-2, abs=0.05)
    assert claims["nd-sample-basin-depth"].value == pytest.approx(2.2 / 1.2)
    assert claims["nd-weight-basin-depth"].value == pytest.approx((12 / 7) / 6)
    assert claims["nd-weight-basin-width"].value == pytest.approx(16)
    assert claims["nd-digit-basin"].value == pytest.approx(2)
    assert claims["nd-digit-order"].value == pytest.approx((2 + (2 - 2 / 9)) / 2 / 1)
    assert claims.pop("nd-weight-basin-width").n == _STARTS
    assert all(one.n == _RUNS for one in claims.values())
    assert numbers["best-depths"] == "2, 3 and 4"
    assert numbers["widths-said"] == "64, 128 and 256"
    assert numbers["at-edge"] == "0 of 3"


def test_a_best_depth_at_the_edge_leaves_no_number() -> None:
    claims, numbers = many_runs.claims_of(pd.DataFrame(planted({64: 2, 128: 3, 256: 10})))
    assert not claims["nd-best-depth-width"].known
    assert numbers["at-edge"] == "1 of 3"


def test_scans_come_back_in_order() -> None:
    rows = pd.DataFrame(planted({64: 2, 128: 3, 256: 4})).sample(frac=1, random_state=2)
    by_width, basins = many_runs.depth_scans(rows[rows["part"] == "depths"])
    assert list(by_width) == list(_WIDTHS)
    assert basins.values == DEPTHS
    assert basins.accuracy.shape == (len(DEPTHS), _RUNS)
    row = rows[(rows["depth"] == 6) & (rows["seed"] == 5) & (rows["width"] == 128)].iloc[0]
    assert by_width[128].accuracy[DEPTHS.index(6), 5] == row["accuracy"]
    assert np.isnan(by_width[64].sample_basin).all()  # type: ignore[attr-defined]


def test_every_part_is_asked_for() -> None:
    points = list(many_runs.points())
    assert len(points) == sum(many_runs.RUNS.values())
    assert {point["part"] for point in points} == set(many_runs.SIZES["steps"])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_run_gives_rows_of_its_own_part(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"dataset": "digits", "steps": {"starts": 2, "depths": 2}, "probe_size": 50,
           "scan_widths": (2, 4), "scan_depths": (0, 1), "widths": (2, 4)}  # fmt: skip
    monkeypatch.setattr(many_runs, "SIZES", many_runs.SIZES | few)
    many_runs._data.cache_clear()
    for part, count in (("starts", 4), ("depths", 4 + 10)):
        rows = many_runs.run_point({"part": part, "seed": 1})
        assert len(rows) == count
        assert all((row["part"], row["seed"]) == (part, 1) for row in rows)
    many_runs._data.cache_clear()
