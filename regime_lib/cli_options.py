"""Options of several commands: how many processes work, or which cluster."""

from __future__ import annotations

import click

#: How many processes work.
JOBS = click.option("-j", "--jobs", type=click.IntRange(min=1),
                     help="Processes at once [default: one per processor].")  # fmt: skip
#: Sends what is computed to a cluster instead.
SCHEDULER = click.option("--scheduler", metavar="ADDRESS",
                          help="A Dask scheduler, tcp://host:port.")  # fmt: skip
