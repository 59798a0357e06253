"""The pins are whole, and the lock that the page reads names the same files."""

from __future__ import annotations

import re

from regime_lib.companion.publish.live import kit
from regime_lib.companion.publish.live.shipped import lock, size_of


def test_every_piece_is_pinned_by_a_hash_and_a_size() -> None:
    assert len({piece.digest for piece in kit.PIECES}) == len(kit.PIECES)
    for piece in kit.PIECES:
        assert re.fullmatch(r"[0-9a-f]{64}", piece.digest)
        assert piece.size > 0


def test_the_lock_names_the_wheels_with_their_hashes() -> None:
    packages = lock()["packages"]
    assert isinstance(packages, dict)
    wheels = {piece.name: piece.digest for piece in kit.PIECES if piece.package}
    assert {p["file_name"]: p["sha256"] for p in packages.values()} == wheels
    assert packages["scipy"]["depends"] == ["numpy"]
    assert (packages["numpy"]["version"], packages["scipy"]["version"]) == ("2.4.3", "1.18.0")


def test_the_size_that_a_page_says_counts_what_it_loads() -> None:
    core = sum(piece.size for piece in kit.PIECES if not piece.package)
    assert size_of([]) == core
    assert core < size_of(["numpy"]) < size_of(["numpy", "scipy"])
    assert size_of(["numpy", "scipy"]) == sum(piece.size for piece in kit.PIECES)
