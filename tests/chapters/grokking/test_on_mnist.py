"""Sentences on the committed run on MNIST of chapter 62 hold its numbers."""

from __future__ import annotations

import json

import pandas as pd

from regime_lib.chapters.grokking import on_mnist as large


def test_sentences_hold_the_numbers_of_the_run() -> None:
    factors = {"flips-digits": 2.71, "flips-modular": 2.36, "excess-digits": 0.95,
               "excess-modular": 4.25}  # fmt: skip
    glued = {"images-memorised": 3506.2, "images-factor": 6.89, "word": "6 of 6"}
    claims = {f"nd-grok-{name}": value for name, value in factors.items()}
    tables = {
        "claims": pd.DataFrame({"id": list(claims), "value": list(claims.values())}),
        "glued": pd.DataFrame(
            {"name": list(glued), "value": [json.dumps(value) for value in glued.values()]}
        ),
    }
    long = large.numbers_of(tables)
    assert long == {**glued, **claims}
    assert "at step 3,506 and generalises 6.9 times later" in large.images_found(long)
    said = large.answer_found(long)
    assert said.startswith("MNIST has 2.7 times as many flips around the jump as before, and 0.95")
    assert "addition 2.4 times as many flips" in said
