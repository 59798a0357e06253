"""What a chapter's notebook talks to: the ledger, figures, glued numbers and the footer."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import Project
from regime_lib.companion.book.settings import ChapterParameters
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.claims.ledger import (
    CLAIM_MIME,
    Measurement,
    measure,
    plain_number,
    rounded,
)
from regime_lib.companion.publish.cards import card
from regime_lib.companion.publish.paper_scale import (
    SUFFIX,
    as_paper_scale,
    comparison,
    read_paper_scale,
)
from regime_lib.companion.running.provenance import PROVENANCE_MIME, describe_run
from regime_lib.errors import RegimeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from regime_lib.companion.figures.scene import Scene
    from regime_lib.companion.figures.theme import Theme


_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Let chapters in this block measure and show nothing: no cards, figures or glued numbers."""
    token = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(token)


class Chapter:
    """A chapter while it runs; made by `open_chapter`.

    Attributes
    ----------
    name : str
        The notebook's name without suffix.
    parameters : ChapterParameters
        The checked parameters, with the profile filled in.
    """

    def __init__(self, project: Project, entry: Entry, parameters: Mapping[str, Value]) -> None:
        self.name = entry.name
        self.parameters = ChapterParameters(parameters, entry.name)
        self._project = project
        self._claims = load_claims(project.claims_file)
        self._measurements: dict[str, Measurement] = {}
        self._glued: set[str] = set()
        self._figures: set[str] = set()
        self._started = time.perf_counter()

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What was recorded so far, in order."""
        return tuple(self._measurements.values())

    def record(
        self,
        claim: str,
        value: object,
        *,
        interval: tuple[object, object] | None = None,
        n: int | None = None,
        unit: str = "1",
    ) -> Measurement:
        """Record what was measured about a claim, show its verdict card and glue its numbers.

        Parameters
        ----------
        claim : str
            Its id in ``book/claims.yml``.
        value : float
            The measured number, in `unit`.
        interval : tuple of float, optional
            Lower and upper end.
        n : int, optional
            Number of runs behind the number.
        unit : str
            Must be the claim's unit; ``"1"`` where dimensionless.

        Returns
        -------
        Measurement
            The number as it is kept, with its verdict.

        Raises
        ------
        RegimeError
            If the claim is unknown, belongs to another chapter or was recorded already, or the
            numbers do not fit it.
        """
        if claim not in self._claims:
            raise RegimeError(f"book/claims.yml holds no claim '{claim}'; {self._hint(claim)}")
        entry = self._claims[claim]
        if entry.chapter != self.name:
            raise RegimeError(f"claim {claim} belongs to chapter {entry.chapter}, not {self.name}")
        if claim in self._measurements:
            raise RegimeError(
                f"claim {claim} was recorded already; record it once, or run the cell with "
                "open_chapter again to start afresh"
            )
        measurement = measure(entry, value, interval, n, unit)
        self._measurements[claim] = measurement
        _show(
            {
                "text/html": card(entry, measurement),
                "text/plain": measurement.summary,
                CLAIM_MIME: measurement.as_dict(),
            }
        )
        numbers: dict[str, float | str | None] = {
            "": measurement.value,
            "-low": measurement.low,
            "-high": measurement.high,
            "-n": measurement.n,
            "-verdict": str(measurement.verdict),
        }
        for suffix, number in numbers.items():
            if number is not None:
                self._glue(f"{claim}{suffix}", number)
        return measurement

    def figure(self, draw: Callable[[Theme], Figure], *, name: str, caption: str, alt: str) -> None:
        """Show a figure, drawn for light and dark pages, wide and narrow.

        Parameters
        ----------
        draw : callable
            Takes a `Theme` and returns a matplotlib figure; called four times.
        name : str
            Its anchor, such as ``fig-decay``.
        caption : str
            What it shows.
        alt : str
            What a reader who cannot see it must know, made from its data.

        Raises
        ------
        RegimeError
            If the name is taken or not an anchor, the alt text says too little, or the figure
            holds text that is too small to read.
        """
        if self._refuse_twice(name):
            return
        from regime_lib.companion.publish.figure_html import (
            render_figure,  # matplotlib is slow to import
        )

        output = render_figure(draw, name, caption, alt)
        self._figures.add(name)
        _show({"text/html": output.html, "text/plain": output.text})

    def scene(
        self,
        scene: Scene,
        *,
        still: Callable[[Theme], Figure],
        name: str,
        caption: str,
        alt: str,
    ) -> None:
        """Show a picture that the reader moves with sliders, without a server.

        Parameters
        ----------
        scene : Scene
            The panels, the sliders and a frame for every combination of stops.
        still : callable
            Draws the figure that stands in where no script runs, as for `figure`.
        name, caption, alt : str
            As for `figure`.

        Raises
        ------
        RegimeError
            As for `figure`, and if the scene is too large for a page.
        """
        if self._refuse_twice(name):
            return
        from regime_lib.companion.publish.figure_html import render_figure
        from regime_lib.companion.publish.scene_html import scene_output

        output = scene_output(scene, render_figure(still, name, caption, alt), name, alt)
        self._figures.add(name)
        _show({"text/html": output.html, "text/plain": output.text})

    def glue(self, name: str, value: object) -> None:
        """Store a number or a text under `name` for the prose: ``{glue:text}`` shows it.

        Raises
        ------
        RegimeError
            If the name is taken, or the value is neither a finite number nor text.
        """
        if name in self._claims:
            raise RegimeError(f"'{name}' is a claim; record it, and its number is glued with it")
        if isinstance(value, str):
            self._glue(name, value)
            return
        number = plain_number(value, f"the number glued as '{name}'")
        whole = getattr(value, "item", lambda: value)()
        self._glue(name, whole if isinstance(whole, int) else rounded(number))

    def at_paper_scale(self, *names: str) -> None:
        """Set what was recorded so far beside what the chapter's committed long run recorded.

        Parameters
        ----------
        *names : str
            Names under which this run glued something; what the long run glued under the same
            name is glued as ``NAME-paper``.

        Notes
        -----
        Glues ``CLAIM-paper``, with ``-paper-low``, ``-paper-high``, ``-paper-n`` and
        ``-paper-verdict``, for every claim of the chapter (a dash where there is no number), and
        ``paper-minutes``, ``paper-commit`` and ``paper-same``, the number of claims with the same
        verdict in both runs out of those that both recorded.

        Raises
        ------
        RegimeError
            If the committed run is damaged, or this run glued nothing under one of the names.
        """
        if strange := sorted(set(names) - self._glued):
            raise RegimeError(f"'{strange[0]}' was not glued in this run; glue it first")
        own = {name: claim for name, claim in self._claims.items() if claim.chapter == self.name}
        there = read_paper_scale(self._project, self.name, own)
        found = there.measurements if there else {}
        for name in own:
            one = found.get(name)
            for part in ("", "low", "high", "n", "verdict"):
                number = getattr(one, part or "value") if one else None
                self._glue(f"{name}{SUFFIX}{part and f'-{part}'}", _plain(number))
        both = found.keys() & self._measurements.keys()
        same = sum(found[name].verdict == self._measurements[name].verdict for name in both)
        self._glue("paper-same", f"{same} of {len(both)}")
        for name in names:
            self._glue(f"{name}{SUFFIX}", there.glued.get(name, "–") if there else "–")
        self._glue("paper-minutes", there.seconds / 60 if there else "–")
        self._glue("paper-commit", there.commit if there else "–")
        if there is None:
            print(f"no run of {self.name} at the paper's scale is committed")
            return
        markup, text = comparison(own.values(), self._measurements, there)
        _show({"text/html": markup, "text/plain": text})

    def paper_figure(self, name: str) -> None:
        """Show a figure of the committed long run, as ``NAME-paper``.

        Raises
        ------
        RegimeError
            If a long run is committed without that figure, or its own name is taken.
        """
        own = {key: claim for key, claim in self._claims.items() if claim.chapter == self.name}
        there = read_paper_scale(self._project, self.name, own)
        if there is None:
            print(f"no run of {self.name} at the paper's scale is committed")
            return
        if name not in there.pictures:
            known = ", ".join(there.pictures) or "none"
            raise RegimeError(
                f"the long run of {self.name} is committed without the figure '{name}'; it has "
                f"{known}: add it with regime evidence {self.name} --collect --figure {name}"
            )
        shown = f"{name}{SUFFIX}"
        if self._refuse_twice(shown):
            return
        self._figures.add(shown)
        picture = as_paper_scale(name, there.pictures[name])
        _show({"text/html": picture, "text/plain": f"Figure {shown}, of the long run"})

    def summary(self) -> None:
        """Print one line a recorded claim, sorted: text that survives another machine."""
        if not self._measurements:
            raise RegimeError(f"chapter {self.name} has recorded no claim to sum up")
        for claim, measurement in sorted(self._measurements.items()):
            print(f"{claim} : {measurement.verdict}")

    def provenance(self) -> None:
        """Show the footer: commit, library, parameters, seeds, versions, seconds."""
        if _QUIET.get():
            return
        seconds = time.perf_counter() - self._started
        footer = describe_run(self._project, self.name, self.parameters, seconds)
        _show(
            {
                "text/html": footer.html,
                "text/plain": footer.text,
                PROVENANCE_MIME: footer.as_dict(),
            }
        )

    def _refuse_twice(self, figure: str) -> bool:
        """Refuse a figure's name that is taken; return whether nothing is to be drawn."""
        if figure in self._figures:
            raise RegimeError(f"figure {figure} was shown already; give each figure its own name")
        if _QUIET.get():
            self._figures.add(figure)
        return _QUIET.get()

    def _glue(self, name: str, value: float | str) -> None:
        if name in self._glued:
            raise RegimeError(f"'{name}' was glued already; give each number its own name")
        self._glued.add(name)
        if _QUIET.get():
            return
        from myst_nb import glue  # the book's tools load only where a number is glued

        glue(name, value, display=False)

    def _hint(self, claim: str) -> str:
        own = [known for known, entry in self._claims.items() if entry.chapter == self.name]
        near = difflib.get_close_matches(claim, own, n=1)
        return f"did you mean {near[0]}" if near else f"this chapter has {', '.join(own) or 'none'}"


def _plain(number: float | str | None) -> float | str:
    """Return what is glued: a dash where there is no number, a verdict as plain text."""
    return "–" if number is None else str(number) if isinstance(number, str) else number


def _show(bundle: dict[str, Any]) -> None:
    """Display one output in all its forms."""
    if _QUIET.get():
        return
    from IPython.display import display

    display(bundle, raw=True)
