"""A figure survives its travel in a notebook, and each of its pictures travels once."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json

from regime_lib.companion.figures.drawn import FIGURE_MIME, VARIANTS, DrawnFigure, figures_in

PICTURES = {name: base64.b64encode(name.encode()).decode() for name in VARIANTS}
FIGURE = DrawnFigure(
    "fig-a", "It falls.", "A line falls from one to zero.", PICTURES, '{"grid": 3}'
)


def test_it_comes_back_from_a_notebook() -> None:
    data = json.loads(json.dumps(FIGURE.bundle()))
    assert DrawnFigure.of_bundle(data) == FIGURE
    lines = {**data, "image/png": [data["image/png"] + "\n"]}  # as nbformat may store it
    assert DrawnFigure.of_bundle(lines) == FIGURE


def test_every_picture_travels_once_and_any_viewer_sees_one() -> None:
    data = FIGURE.bundle()
    text = json.dumps(data)
    assert [text.count(picture) for picture in PICTURES.values()] == [1, 1, 1, 1]
    assert data["image/png"] == PICTURES["light-wide"]
    assert data["text/plain"] == "Figure fig-a: A line falls from one to zero."


def test_a_figure_of_an_older_run_has_no_drawing() -> None:
    assert FIGURE.svg() == b""
    packed = base64.b64encode(gzip.compress(b"<svg/>")).decode()
    assert dataclasses.replace(FIGURE, drawing=packed).svg() == b"<svg/>"


def test_pictures_are_files() -> None:
    assert FIGURE.picture("dark-narrow") == b"dark-narrow"


def test_figures_are_found_in_the_order_of_a_notebook() -> None:
    other = DrawnFigure("fig-b", "It climbs.", "A line.", PICTURES)
    outputs = [{"output_type": "display_data", "data": f.bundle()} for f in (FIGURE, other)]
    outputs.insert(1, {"output_type": "stream", "name": "stdout", "text": FIGURE_MIME})
    notebook = {"cells": [{"cell_type": "code", "outputs": outputs}]}
    assert [figure.name for figure in figures_in(notebook)] == ["fig-a", "fig-b"]
