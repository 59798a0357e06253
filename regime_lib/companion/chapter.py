"""What a chapter's notebook talks to: the ledger, figures, glued numbers and the footer."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.parameters import ChapterParameters, Value
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict, load_claims
from regime_lib.companion.claims.firmness import Firmness, firmness_of_chapter
from regime_lib.companion.claims.ledger import (
    CLAIM_MIME,
    GLUED_PARTS,
    Measurement,
    as_glued,
    as_measurement,
    plain_number,
    rounded,
)
from regime_lib.companion.publish.markup import card, template
from regime_lib.companion.publish.paper_scale import (
    PaperScale,
    as_paper_scale,
    comparison,
    glued_beside,
    read_paper_scale,
)
from regime_lib.companion.running.measuring import Keeper, settings_of
from regime_lib.companion.running.provenance import PROVENANCE_MIME, describe_run
from regime_lib.errors import RegimeError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from regime_lib.companion.figures.computed import Moving
    from regime_lib.companion.figures.drawn import DrawnFigure
    from regime_lib.companion.figures.theme import Theme
    from regime_lib.estimate import Estimate


T = TypeVar("T")


class Chapter:
    """A chapter while it runs; made by `opening.open_chapter`.

    Attributes
    ----------
    name : str
        The notebook's name without suffix.
    parameters : ChapterParameters
        The checked parameters, with the profile filled in.
    """

    def __init__(
        self,
        project: Project,
        entry: Entry,
        parameters: Mapping[str, Value],
        measure: ModuleType | None = None,
    ) -> None:
        self.name = entry.name
        self.parameters = ChapterParameters(parameters, entry.name)
        self._settings = settings_of(measure, parameters) if measure else None
        self._keeper = Keeper(project, entry, parameters)
        self._project, self._entry = project, entry
        self._claims = load_claims(project.claims_file)
        self._own = {key: c for key, c in self._claims.items() if c.chapter == entry.name}
        self._measurements: dict[str, Measurement] = {}
        self._glued: set[str] = set()
        self._figures: set[str] = set()
        self._started = time.perf_counter()

    def measure(self, part: Callable[..., T], *tables: Any) -> T:
        """Return what a part of the chapter measures with the chapter's settings.

        Under `regime run` and `regime book` it is read from disk where nothing that it depends on
        has changed; anywhere else it is computed.

        Parameters
        ----------
        part : callable
            A function of the chapter's module `measure`: takes its ``Settings``.
        *tables : DataFrame or dict of these
            What else it takes, such as committed tables.

        Raises
        ------
        RegimeError
            If the chapter was opened without its module `measure`.
        """
        if self._settings is None:
            raise RegimeError(
                f'{self.name} has no settings; open it with open_chapter("{self.name}", '
                "globals(), measure)"
            )
        return self._keeper.measured(part, self._settings, *tables)

    def record(self, claim: str, estimate: Estimate) -> Measurement:
        """Record what was measured about a claim, show its verdict card and glue its numbers.

        Parameters
        ----------
        claim : str
            Its id in ``book/claims.yml``.
        estimate : Estimate
            The number in the claim's unit, its interval and what that is; "no number" is one too.

        Returns
        -------
        Measurement
            The number as it is kept, with its verdict.

        Raises
        ------
        RegimeError
            If the claim is unknown, belongs to another chapter or was recorded already, or the
            estimate does not fit it.
        """
        if claim not in self._own:
            raise RegimeError(self._why_not(claim))
        if claim in self._measurements:
            raise RegimeError(
                f"claim {claim} was recorded already; record it once, or run the cell with "
                "open_chapter again to start afresh"
            )
        measurement = as_measurement(self._own[claim], estimate)
        self._measurements[claim] = measurement
        verdicts = {claim: measurement.verdict}
        firmness = firmness_of_chapter(self._project, self.name, verdicts).get(claim)
        there = self._paper_scale
        large = there.measurements.get(claim) if there else None
        _show(
            {
                "text/html": card(
                    self._own[claim],
                    measurement,
                    firmness,
                    (there.scale(self.parameters), large) if there and large else None,
                ),
                "text/plain": f"{claim}: {measurement.summary}",
                CLAIM_MIME: measurement.as_dict(),
            }
        )
        self._glue(claim, "no number" if measurement.value is None else measurement.value)
        for part in GLUED_PARTS:
            if (number := getattr(measurement, part)) is not None:
                self._glue(f"{claim}-{part}", as_glued(number))
        return measurement

    def table(
        self, rows: pd.DataFrame, caption: str, formats: str | Mapping[str, str] | None = None
    ) -> None:
        """Show a table in words: its index names the rows, and what is missing is a dash.

        Parameters
        ----------
        rows : DataFrame
            What to show; headings are words.
        caption : str
            What it shows.
        formats : str or mapping, optional
            How to write numbers, such as ``.3f``: for all columns, or by column.

        Raises
        ------
        RegimeError
            If a heading is a name of code, or a format fits no column or no number.
        """
        from regime_lib.companion.publish.table import table_html, table_text

        markup = table_html(rows, caption, formats)
        _show({"text/html": markup, "text/plain": table_text(rows, caption)})

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
        from regime_lib.companion.figures.render import render_figure  # matplotlib is slow

        self._show_figure(render_figure(draw, name, caption, alt))

    def scene(
        self, scene: Moving, *, still: Callable[[Theme], Figure], name: str, caption: str, alt: str
    ) -> None:
        """Show a picture that the reader moves with sliders, without a server.

        Parameters
        ----------
        scene : Scene or Computed
            Panels, sliders, and every frame or what the page computes frames from.
        still : callable
            Draws the figure that stands in where no script runs, as for `figure`.
        name, caption, alt : str
            As for `figure`.

        Raises
        ------
        RegimeError
            As for `figure`, and if the scene is too large for a page.
        """
        from regime_lib.companion.figures.computed import moving
        from regime_lib.companion.figures.render import render_figure

        self._show_figure(moving(render_figure(still, name, caption, alt), scene))

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
        self._glue(name, number if isinstance(number, int) else rounded(number))

    def glue_all(self, numbers: Mapping[str, object]) -> None:
        """Store several numbers and texts for the prose, each under its name, as `glue` does."""
        for name, value in numbers.items():
            self.glue(name, value)

    def glue_firmness(self) -> None:
        """Glue ``CLAIM-firm`` for every claim that depends on chance: how fresh seeds judge it.

        The text is such as "reproduced in 17 of 20 fresh blocks of 8 seeds, partly in 3", from the
        blocks that are committed, and "not measured" where none is. Also glues ``CLAIM-without``:
        what leaving out one seed does, such as "reproduced without any one of its 5 seeds".
        """
        found = firmness_of_chapter(self._project, self.name, {})
        for name, claim in self._own.items():
            if claim.drawn:
                known = found.get(name, Firmness({}, Verdict.NOT_TESTED))
                self._glue(f"{name}-firm", known.sentence)
                self._glue(f"{name}-without", known.jackknife)

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
        ``-paper-verdict``, for every claim of the chapter (a dash where there is no number),
        ``-paper-long``, what the long run says where short runs took its place, and
        ``paper-minutes``, ``paper-commit`` and ``paper-same``, the number of claims with the same
        verdict in both runs out of those that both recorded.

        Raises
        ------
        RegimeError
            If the committed run is damaged, or this run glued nothing under one of the names.
        """
        if strange := sorted(set(names) - self._glued):
            raise RegimeError(f"'{strange[0]}' was not glued in this run; glue it first")
        there = self._paper_scale
        for name, value in glued_beside(there, self._own, self._measurements, names).items():
            self._glue(name, value)
        if there is None:
            print(f"no run of {self.name} at larger scale is committed")
            return
        markup, text = comparison(self._own.values(), self._measurements, there)
        _show({"text/html": markup, "text/plain": text})

    def paper_numbers(self) -> dict[str, float | str | None]:
        """Return what the committed long run glued, and the numbers of its claims, by name.

        Nothing where no long run is committed.
        """
        there = self._paper_scale
        if there is None:
            return {}
        return there.glued | {name: one.value for name, one in there.measurements.items()}

    def paper_figure(self, name: str, finding: str = "") -> None:
        """Show a figure of the committed long run, as ``NAME-paper``.

        Parameters
        ----------
        name : str
            Of the figure.
        finding : str
            A sentence that its caption begins with: what the long run found.

        Raises
        ------
        RegimeError
            If a long run is committed without that figure, or its own name is taken.
        """
        there = self._paper_scale
        if there is None:
            print(f"no run of {self.name} at larger scale is committed")
            return
        if name not in there.pictures:
            known = ", ".join(there.pictures) or "none"
            raise RegimeError(
                f"the long run of {self.name} is committed without the figure '{name}'; it has "
                f"{known}: add it with regime evidence {self.name} --collect --figure {name}"
            )
        self._show_figure(as_paper_scale(there.pictures[name], finding))

    def summary(self) -> None:
        """Print one line per recorded claim, sorted: text that survives another machine."""
        if not self._measurements:
            raise RegimeError(f"chapter {self.name} has recorded no claim to sum up")
        for claim, measurement in sorted(self._measurements.items()):
            print(f"{claim} : {measurement.verdict}")

    def provenance(self) -> None:
        """Show the footer: commit, library, parameters, seeds, versions, seconds."""
        seconds = time.perf_counter() - self._started
        kept = self._keeper.saved
        footer = describe_run(self._project, self._entry, self.parameters, seconds, kept)
        _show(
            {
                "text/html": template("footer.html.j2").render(rows=footer.rows()),
                "text/plain": "\n".join(f"{name}: {text}" for name, text in footer.rows()),
                PROVENANCE_MIME: dict(vars(footer)),
            }
        )

    @cached_property
    def _paper_scale(self) -> PaperScale | None:
        """What is committed of the chapter's long run."""
        return read_paper_scale(self._project, self.name, self._own)

    def _show_figure(self, figure: DrawnFigure) -> None:
        if figure.name in self._figures:
            raise RegimeError(
                f"figure {figure.name} was shown already; give each figure its own name"
            )
        self._figures.add(figure.name)
        _show(figure.bundle())

    def _glue(self, name: str, value: float | str) -> None:
        if name in self._glued:
            raise RegimeError(f"'{name}' was glued already; give each number its own name")
        self._glued.add(name)
        from myst_nb import glue  # the book's tools load only where a number is glued

        glue(name, value, display=False)

    def _why_not(self, claim: str) -> str:
        if claim in self._claims:
            chapter = self._claims[claim].chapter
            return f"claim {claim} belongs to chapter {chapter}, not {self.name}"
        near = difflib.get_close_matches(claim, self._own, n=1)
        known = ", ".join(self._own) or "none"
        hint = f"did you mean {near[0]}" if near else f"this chapter has {known}"
        return f"book/claims.yml holds no claim '{claim}'; {hint}"


def _show(bundle: dict[str, Any]) -> None:
    """Display one output in all its forms."""
    from IPython.display import display

    display(bundle, raw=True)
