"""The `regime` command, also as ``python -m regime_lib``; it says what is missing to run it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command."""
    try:
        from regime_lib.cli import main as command
    except ModuleNotFoundError as error:
        sys.exit(
            f"regime: the command needs {error.name}, which is not installed; "
            'run: pip install "regime-lib[book]"'
        )
    command()


if __name__ == "__main__":
    main()
