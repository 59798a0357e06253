"""The claims of a chapter at the paper's scale: its committed long run, set beside the run at hand.

A chapter with profiles is run once with the profile *paper*, on real data, and what it recorded is
committed as evidence. Verdicts follow from these numbers and the criteria as written today.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.notebooks import bundles_of, glued_values, read_notebook
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.companion.claims.claims import Claim, load_claims
from regime_lib.companion.claims.ledger import (
    GLUED_PARTS,
    Measurement,
    as_glued,
    measurement_of,
    measurements_in,
)
from regime_lib.companion.figures.drawn import DrawnFigure, figures_in
from regime_lib.companion.publish.evidence import (
    Evidence,
    folder_of,
    manifest_of,
    publish_evidence,
    published_evidence,
)
from regime_lib.companion.publish.markup import template
from regime_lib.companion.running.provenance import PROVENANCE_MIME, commit_of
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

#: What follows the name of a number of the long run where a page knows both.
SUFFIX = "-paper"
_TABLE, _GLUED = "claims", "glued"
_DATA = {"mnist": "MNIST"}  # data sets whose names are written otherwise than in parameters
_MANY = "many"  # table of many short runs, and what the manifest says of them


@dataclass(frozen=True)
class PaperScale:
    """What a chapter's long run recorded."""

    measurements: dict[str, Measurement]  # by claim
    parameters: dict[str, Value]  # of that run, profile filled in
    seconds: float  # how long it took
    commit: str  # from which it ran
    pictures: dict[str, DrawnFigure]  # figures of that run, by name
    glued: dict[str, int | float | str]  # other numbers and texts of that run, by name

    def scale(self, here: Mapping[str, Value]) -> str:
        """Say what is larger than in a run with these parameters: the data, if they are others."""
        data = self.parameters.get("dataset")
        other = isinstance(data, str) and data != here.get("dataset")
        return f"On {_DATA.get(str(data), data)}" if other else "At larger scale"


def has_paper_profile(entry: Entry) -> bool:
    """Whether a chapter can be run at the paper's scale."""
    return any(parameter.name == "profile" for parameter in entry.parameters)


def collect_paper_scale(notebook: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Gather what a chapter recorded with the profile *paper*: tables to publish, and facts."""
    import pandas as pd

    node = read_notebook(notebook)
    found = measurements_in(node, notebook.name)
    footer = next(iter(bundles_of(node, PROVENANCE_MIME)), None)
    if not found or footer is None:
        raise RegimeError(f"{notebook.name} holds no finished run with claims; run it to its end")
    if footer["parameters"].get("profile") != "paper":
        raise RegimeError(
            f"{notebook.name} ran with the profile {footer['parameters'].get('profile')!r}; "
            "evidence is made of runs with the profile 'paper'"
        )
    rows = pd.DataFrame([entry.as_dict() for entry in found.values()]).drop(columns="verdict")
    facts = {
        "parameters": footer["parameters"],
        "run_commit": footer["commit"],
        "run_versions": footer["versions"],
        "compute_seconds": round(footer["seconds"]),
        "command": f"regime evidence {footer['chapter']}",
    }
    others = {
        name: value
        for name, value in glued_values(node).items()
        if not name.startswith(tuple(found)) and not name.endswith(SUFFIX)
    }
    glued = pd.DataFrame({"name": list(others), "value": [json.dumps(v) for v in others.values()]})
    return {_TABLE: rows, _GLUED: glued}, facts


def publish_many(
    project: Project,
    chapter: str,
    claims: Mapping[str, Estimate],
    numbers: Mapping[str, Value],
    rows: pd.DataFrame,
    facts: Mapping[str, Any],
) -> Path:
    """Put what many short runs say of claims into a chapter's evidence, in place of the long run's.

    Parameters
    ----------
    project, chapter : Project, str
        Whose long run has been published.
    claims : mapping
        What the short runs say, by claim.
    numbers : mapping
        Other numbers and texts of theirs, by name.
    rows : DataFrame
        What they measured; it is kept as the table ``many``.
    facts : mapping
        What the manifest says of them under ``many``.
    """
    import pandas as pd

    known = published_evidence(chapter, project)
    new = [{"id": name, **found.as_dict()} for name, found in claims.items()]
    long = _of_long_run(known, claims, numbers)
    values = {**long, **numbers}
    glued = pd.DataFrame({"name": list(values), "value": [json.dumps(v) for v in values.values()]})
    tables = {
        _TABLE: _replaced(known.tables[_TABLE], pd.DataFrame(new), "id"),
        _GLUED: _replaced(known.tables[_GLUED], glued, "name"),
        _MANY: rows,
    }
    ours = ("chapter", "commit", "versions", "machine", "files", "pictures")
    kept = {name: value for name, value in known.manifest.items() if name not in ours}
    before = known.manifest.get(_MANY, {})
    own = {
        kind: sorted({*names, *before.get(kind, ())})
        for kind, names in (("claims", claims), ("numbers", numbers))
    }
    many = {**facts, **own, "commit": commit_of(project)}
    return publish_evidence(project, chapter, tables, {**kept, _MANY: many}, known.pictures)


def _of_long_run(
    known: Evidence, claims: Iterable[str], numbers: Iterable[str]
) -> dict[str, Value]:
    """Return what the long run says where short runs take its place, as ``NAME-long``.

    Its figures still show it: what they found must not be told in numbers of other runs.
    """
    before = known.manifest.get(_MANY, {})
    rows = known.tables[_TABLE].set_index("id")["value"].dropna()
    glued = known.tables[_GLUED].set_index("name")["value"]
    replaced = {*claims} - {*before.get("claims", ())}
    long: dict[str, Value] = {n: float(rows[n]) for n in replaced if n in rows}
    replaced = {*numbers} - {*before.get("numbers", ())}
    long |= {name: json.loads(glued[name]) for name in replaced if name in glued}
    return {f"{name}-long": value for name, value in sorted(long.items())}


def _replaced(old: pd.DataFrame, new: pd.DataFrame, key: str) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([old[~old[key].isin(new[key])], new], ignore_index=True)


def pictures_of(notebook: Path, names: Iterable[str]) -> dict[str, DrawnFigure]:
    """Return figures of an executed chapter."""
    shown = {figure.name: figure for figure in figures_in(read_notebook(notebook))}
    for name in names:
        if name not in shown:
            known = ", ".join(shown) or "none"
            raise RegimeError(f"{notebook.name} shows no figure '{name}'; it has {known}")
    return {name: shown[name] for name in names}


def as_paper_scale(figure: DrawnFigure, finding: str = "") -> DrawnFigure:
    """Return a figure of the long run as a page shows it beside the one of its own run."""
    caption = f"{finding} {figure.caption}".strip()
    return replace(figure, name=f"{figure.name}{SUFFIX}", caption=caption, note="At larger scale.")


def read_paper_scale(
    project: Project, chapter: str, claims: Mapping[str, Claim]
) -> PaperScale | None:
    """Return what is committed of a chapter's long run; None where nothing is.

    Claims that are not on the list `claims` are left out.
    """
    manifest = manifest_of(project, chapter)
    if manifest is None or _TABLE not in manifest["files"]:
        return None
    evidence = published_evidence(chapter, project)
    folder = folder_of(project, chapter)
    with reading_committed(folder, f"regime evidence {chapter}"):
        known = [row for row in evidence.tables[_TABLE].to_dict("records") if row["id"] in claims]
        return PaperScale(
            {row["id"]: _measurement(claims[row["id"]], row) for row in known},
            manifest["parameters"],
            float(manifest["compute_seconds"]),
            manifest["run_commit"],
            evidence.pictures,
            {
                row["name"]: json.loads(row["value"])
                for row in evidence.tables[_GLUED].to_dict("records")
            },
        )


def paper_scale_of_claims(project: Project) -> dict[str, Measurement]:
    """Return what all committed long runs recorded, by claim.

    Evidence that a chapter reads itself is only held against its manifest: a table that is gone
    must not go unnoticed.
    """
    claims = load_claims(project.claims_file)
    for folder in sorted((project.pages / "evidence").glob("*/")):
        manifest_of(project, folder.name)
    found: dict[str, Measurement] = {}
    for chapter in sorted({claim.chapter for claim in claims.values()}):
        own = {name: claim for name, claim in claims.items() if claim.chapter == chapter}
        run = read_paper_scale(project, chapter, own)
        found |= run.measurements if run else {}
    return found


def comparison(
    claims: Iterable[Claim], here: Mapping[str, Measurement], there: PaperScale
) -> tuple[str, str]:
    """Return HTML and plain text that set two runs of a chapter beside each other, claim by claim.

    `here` is the run at hand; claims that neither run recorded are left out.
    """
    rows = [(c, here.get(c.id), there.measurements.get(c.id)) for c in claims]
    rows = [row for row in rows if row[1:] != (None, None)]
    said = [[one.summary if one else "not tested" for one in pair] for _, *pair in rows]
    lines = [f"{row[0].id}: {' | '.join(pair)}" for row, pair in zip(rows, said, strict=True)]
    return template("comparison.html.j2").render(rows=rows), "\n".join(lines)


def glued_beside(
    there: PaperScale | None,
    claims: Iterable[str],
    here: Mapping[str, Measurement],
    names: Iterable[str] = (),
) -> dict[str, float | str]:
    """Return what a page glues of the long run beside the run at hand; dashes where there is none.

    Parameters
    ----------
    there : PaperScale, optional
        The long run.
    claims : iterable of str
        The claims of the chapter.
    here : mapping
        What the run at hand measured, by claim.
    names : iterable of str
        What else the long run glued is wanted.
    """
    found = there.measurements if there else {}
    glued: dict[str, float | str] = {}
    for claim in claims:
        one = found.get(claim)
        glued[f"{claim}{SUFFIX}"] = as_glued(getattr(one, "value", None))
        for part in GLUED_PARTS:
            glued[f"{claim}{SUFFIX}-{part}"] = as_glued(getattr(one, part, None))
        glued[f"{claim}{SUFFIX}-long"] = there.glued.get(f"{claim}-long", "–") if there else "–"
    both = found.keys() & here.keys()
    same = sum(found[claim].verdict == here[claim].verdict for claim in both)
    glued["paper-same"] = f"{same} of {len(both)}"
    for name in names:
        glued[f"{name}{SUFFIX}"] = there.glued.get(name, "–") if there else "–"
    glued["paper-minutes"] = there.seconds / 60 if there else "–"
    glued["paper-commit"] = there.commit if there else "–"
    return glued


def _measurement(claim: Claim, row: Mapping[Any, Any]) -> Measurement:
    """Read one row of the table, judged by the claim as it is written today."""
    if claim.unit != row["unit"]:
        raise RegimeError(
            f"the evidence of {claim.chapter} holds {claim.id} in '{row['unit']}', the claim is in "
            f"'{claim.unit}'; run regime evidence {claim.chapter}"
        )
    known = isinstance(row.get("over"), str) and row["over"]  # older rows do not say what varied
    return measurement_of(claim, row if known else {**row, "over": "long run"})
