"""What an import of the library loads: itself, and nothing that is slow."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "scipy", "pandas", "numpy", "matplotlib", "pyarrow", "sklearn", "lightning",
         "transformers", "accelerate")  # fmt: skip
LIMIT = 0.3  # CPU seconds, of which a busy machine takes none

PROGRAM = """
import sys, time
before = time.process_time()
{statement}
print(time.process_time() - before)
print(*sorted(set({heavy!r}) & {{name.partition(".")[0] for name in sys.modules}}))
"""


def imported(statement: str) -> tuple[float, list[str]]:
    """Return CPU seconds, and which heavy packages a statement loads in a fresh interpreter."""
    program = PROGRAM.format(statement=statement, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=300
    )
    seconds, _, loaded = done.stdout.partition("\n")
    return float(seconds), loaded.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import regime_lib; dir(regime_lib); regime_lib.__version__",
        "import regime_lib.instrument; dir(regime_lib.instrument)",
        "import regime_lib.integrations",
    ],
)
def test_an_import_loads_nothing_heavy_and_is_quick(statement: str) -> None:
    found = [imported(statement) for _ in range(3)]
    assert all(loaded == [] for _, loaded in found)
    assert min(seconds for seconds, _ in found) < LIMIT


def test_a_name_that_is_used_loads_what_it_needs() -> None:
    assert {"torch", "pandas"} <= set(imported("from regime_lib import RegimeTracker")[1])
