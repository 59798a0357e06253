"""Receipts of many reruns together: whose numbers lie where, and how often a verdict stays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.companion.teaching.receipts import FORMAT, Place
from regime_lib.errors import RegimeError

_NEAR = frozenset({str(Place.SAME), str(Place.INSIDE)})


@dataclass(frozen=True)
class Handed:
    """One rerun of a chapter, as a receipt tells of it."""

    file: str
    name: str  # whose; empty where the notebook did not say
    chapter: str
    processor: str
    machine: str  # processor, system and architecture, where they are said
    near: int  # how many numbers are the same or inside the book's interval
    stays: int  # how many verdicts
    total: int
    causes: tuple[str, ...]  # kinds, the likeliest first
    notebook: str  # SHA-256 of the notebook


@dataclass(frozen=True)
class Together:
    """One claim over all receipts."""

    claim: str
    runs: int
    near: int
    stays: int


@dataclass(frozen=True)
class Collection:
    """All receipts that were handed in."""

    handed: tuple[Handed, ...]
    claims: tuple[Together, ...]
    twice: tuple[tuple[str, str], ...]  # pairs of files that tell of one and the same notebook


def collect_receipts(places: Iterable[Path]) -> Collection:
    """Read receipts from files, and from every JSON file of folders.

    Raises
    ------
    RegimeError
        If a file is not a receipt, or a folder holds none.
    """
    chapters = [
        (path, machine, chapter)
        for path in receipt_files(places)
        for machine, chapter in _chapters_of(path)
    ]
    handed = tuple(_handed(*one) for one in chapters)
    first: dict[str, str] = {}
    twice = []
    for one in handed:
        if one.notebook in first and first[one.notebook] != one.file:
            twice.append((first[one.notebook], one.file))
        first.setdefault(one.notebook, one.file)
    return Collection(handed, _by_claim(chapter for _, _, chapter in chapters), tuple(twice))


def receipt_files(places: Iterable[Path]) -> Iterator[Path]:
    """Yield files, and every JSON file of folders."""
    for place in places:
        found = sorted(place.rglob("*.json")) if place.is_dir() else [place]
        if not found:
            raise RegimeError(f"{place} holds no receipt; they are what `regime compare -o` writes")
        yield from found


def _chapters_of(path: Path) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield machine and chapter of everything that a receipt tells of."""
    key, number = FORMAT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content[key] != number:
            raise RegimeError(
                f"{path} is a receipt of format {content[key]}; compare again with this version"
            )
        told = [(content["machine"], chapter) for chapter in content["chapters"]]
        for _, chapter in told:
            _handed(path, content["machine"], chapter)  # whether it holds what is asked of it
    except OSError as error:
        raise RegimeError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, RegimeError):
            raise
        raise RegimeError(f"{path} is not a receipt; make one with: regime compare -o") from None
    yield from told


def _handed(path: Path, machine: Mapping[str, Any], chapter: Mapping[str, Any]) -> Handed:
    claims = chapter["claims"]
    return Handed(
        file=str(path),
        name=chapter["for"],
        chapter=chapter["chapter"],
        processor=machine["processor"],
        machine=", ".join(
            str(machine[key]) for key in ("processor", "system", "architecture") if key in machine
        ),
        near=sum(one["place"] in _NEAR for one in claims),
        stays=sum(bool(one["verdict_stays"]) for one in claims),
        total=len([one["claim"] for one in claims]),
        causes=tuple(cause["kind"] for cause in chapter["likely_causes"]),
        notebook=chapter["notebook_sha256"],
    )


def _by_claim(chapters: Iterable[Mapping[str, Any]]) -> tuple[Together, ...]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for chapter in chapters:
        for one in chapter["claims"]:
            found.setdefault(one["claim"], []).append(one)
    return tuple(
        Together(
            claim,
            len(every),
            sum(one["place"] in _NEAR for one in every),
            sum(bool(one["verdict_stays"]) for one in every),
        )
        for claim, every in found.items()
    )
