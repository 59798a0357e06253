"""The package is small at the door: a fixed public list, and nothing heavy loaded with it."""

from __future__ import annotations

import subprocess
import sys

from regime_lib import companion

HEAVY = ["torch", "matplotlib", "papermill", "myst_nb", "nbformat", "pandas", "IPython", "sphinx"]


def test_importing_the_companion_and_the_command_loads_nothing_heavy() -> None:
    code = f"import sys, regime_lib.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_public_names_exist_and_are_documented() -> None:
    assert sorted(companion.__all__, key=str.lower) == sorted(set(companion.__all__), key=str.lower)
    for name in companion.__all__:
        assert hasattr(companion, name)
        if callable(getattr(companion, name)):
            assert getattr(companion, name).__doc__
