"""Headlines of the chapter on grokking say when a network generalises, or that it does not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from regime_lib.chapters.grokking import headlines as h
from regime_lib.chapters.grokking import worded
from tests.chapters.grokking.test_figures import ADDITION, ANSWER, LATE, NORMALISED, RISING, RUN
from tests.chapters.headlines import one_sentence


def test_a_run_that_does_not_generalise_is_said_not_to() -> None:
    memorised, jump = LATE.moments.medians
    said = one_sentence(h.measured_run(LATE))
    assert f"step {memorised:,.0f} and passes 50 % in the test at step {jump:,.0f}" in said
    assert "does not reach 50 % in the test" in one_sentence(h.measured_run(RUN))


def test_other_headlines_say_their_numbers() -> None:
    end = np.median(RUN.test[-1])
    assert f"is {end:.2f} (a) and {end:.2f} (b)" in one_sentence(h.controls(ADDITION.runs))
    assert "1.50 (a) and 0.50 (b) times as often" in one_sentence(h.aligned(ANSWER))
    assert f"{np.median(RISING[4]) / 2:.2f} (fresh)" in one_sentence(h.statistics(NORMALISED))
    assert "of its power at memorisation" in one_sentence(h.spectrum(ADDITION))


def test_tables_in_words_keep_their_numbers() -> None:
    rises = worded.rises({"addition": {"flips": 1.5, "update": 0.5, "excess": 3.0}})
    assert rises.loc["addition", "flips per weight step"] == 3.0
    medians = pd.DataFrame({"quantity": ["norm"], "memorised": [2.0], "jump": [1.0]})
    assert worded.transition(medians).loc["norm of the weights", "at memorisation"] == 2.0


def test_headlines_of_the_long_run_hold_its_numbers() -> None:
    factors = {"flips-digits": 2.71, "flips-modular": 2.36, "excess-digits": 0.95,
               "excess-modular": 4.25}  # fmt: skip
    long = {"images-memorised": 3506.2, "images-factor": 6.89}
    long |= {f"nd-grok-{name}": value for name, value in factors.items()}
    said = one_sentence(h.images_of_long_run(long))
    assert "at step 3,506 and generalises 6.9 times later" in said
    said = one_sentence(h.aligned_in_long_run(long))
    assert said.startswith("MNIST has 2.7 times as many flips around the jump as before, and 0.95")
    assert "addition 2.4 times as many flips" in said
