"""`python -m regime_lib` is the `regime` command."""

from __future__ import annotations

from regime_lib.cli import main

if __name__ == "__main__":
    main()
