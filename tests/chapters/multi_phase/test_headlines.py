"""Headlines of the chapter on four phases say the measured numbers, in one sentence each."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from regime_lib.chapters.multi_phase import headlines as h
from tests.chapters.headlines import one_sentence
from tests.chapters.multi_phase import test_figures as made

HEADLINES = {
    "phases": (h.phases(made.RUN), "full accuracy comes at 5"),
    "plane": (h.plane(made.PLANE), "of 4 neurons are dead"),
    "living": (h.living(made.LIVING), "(0.250 by the formula)"),
    "condensation": (h.condensation(made.ANGLES), "for the farthest negative one"),
    "plateau": (h.plateau(made.PLATEAU), f"within {100 * made.ROWS.max():.2f} per cent"),
    "saddles": (h.saddles(made.SADDLES), f"{np.median(made.ROWS[:, 0]):.2f} ("),
    "scaling": (h.scaling(made.SCALING), "positives switch off as Δ to the power 1.00"),
    "patterns": (h.patterns(made.RUN), "4 positive neurons have switched off"),
    "segments": (h.segments(made.SEGMENTS), "four segments in 0 of 3 runs, and 2 to 3 in all"),
    "descent": (h.by_descent(made.DESCENT), "1.000 times the cosine"),
    "sensitivity": (h.sensitivity(made.SENSITIVITY), "1 of 3 networks never switch"),
    "limits": (h.limits(made.LIMITS), "1.000 times its predicted limit"),
    "complexity": (h.complexity(made.COMPLEXITY), "(as a rank)"),
    "spread": (h.spread(made.SPREAD), "3.00 times the predictions"),
    "settling": (h.settling(made.RUN), "times as late as"),
    "tracked": (h.tracked(made.TRACKED), "At the end 2.0 bits still flip"),
    "any points": (h.any_points(made.ANY_POINTS), "Of 5 random data sets 4 are learnt"),
    "survival": (h.survival(made.SURVIVAL), "in 2 dimensions"),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_a_headline_is_one_sentence_with_its_number(name: str) -> None:
    said, number = HEADLINES[name]
    assert number in one_sentence(said)


def test_what_does_not_come_is_not_claimed() -> None:
    never = dataclasses.replace(made.DESCENT, switched=np.full(3, np.nan))
    assert h.by_descent(never) == "No network switches in time."
    still = dataclasses.replace(made.SENSITIVITY, switched=np.full(3, np.nan))
    assert h.sensitivity(still) == "None of 3 networks switches."
    late = dataclasses.replace(made.PHASES, accurate=np.nan, off_first=np.nan, on_first=np.nan)
    run = dataclasses.replace(made.RUN, phases=late)
    assert h.phases(run) == "In time, none of the late events comes."


def test_the_order_of_events_is_counted() -> None:
    kept, turned = (
        dataclasses.replace(
            made.VARIANTS.runs[0], title=title, events=dict(zip("abc", times, strict=True))
        )
        for title, times in (("kept", (1.0, 2.0, 3.0)), ("turned", (1.0, 3.0, 2.0)))
    )
    both = dataclasses.replace(made.VARIANTS, runs=(kept, turned))
    assert "in 1 of 2 variants (kept)" in one_sentence(h.variants(both))
