"""What is missing is told in one sentence that names the extra to install."""

from __future__ import annotations

import sys

import pytest

from regime_lib.errors import extra
from tests.companion.refusals import refused


def test_a_missing_module_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with refused("tqdm", 'pip install "regime-lib[sweep]"'), extra("sweep"):
        from tqdm import tqdm  # noqa: F401


def test_what_is_there_is_imported_and_other_errors_pass() -> None:
    with extra("lab"):
        import platformdirs  # noqa: F401
    with pytest.raises(ZeroDivisionError), extra("lab"):
        1 / 0  # noqa: B018
