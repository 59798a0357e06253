"""A second process for a chapter that runs alone: it measures the last parts while the first run.

The notebook asks for its parts from the first to the last, this process measures them from the last
to the first, and what it has finished the notebook finds kept. A processor would be idle otherwise.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.parameters import Value, resolve_values
from regime_lib.companion.book.project import find_project
from regime_lib.companion.running.measuring import Keeper, settings_of, with_profile
from regime_lib.companion.running.sweep_chapter import measure_module
from regime_lib.companion.running.threads import use_one_thread
from regime_lib.progress import VARIABLE as PROGRESS


@contextmanager
def measuring_ahead(chapter: str, overrides: Mapping[str, Value]) -> Iterator[None]:
    """Measure a chapter's last parts in another process for as long as the block lasts.

    It finds the environment of this process. Whatever becomes of it, the notebook measures itself
    what it does not find.
    """
    command = [sys.executable, "-m", __name__, chapter, json.dumps(dict(overrides))]
    quiet = subprocess.DEVNULL
    own = os.environ | {PROGRESS: ""}  # the notebook tells how far it is, not this
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=own
    ) as process:
        try:
            yield
        finally:
            process.kill()


def measure_backwards(chapter: str, overrides: Mapping[str, Value]) -> list[str]:
    """Measure the parts of a chapter that take its settings alone, the last first; name them.

    Where parts share what takes long, two processes would do that twice: such a chapter names in
    ``AHEAD`` those that do not.
    """
    project = find_project()
    entry = load_entry(project, chapter)
    if entry.measure is None:
        return []
    use_one_thread()
    module = measure_module(project, entry)
    values = with_profile(entry, resolve_values(entry.parameters, overrides, chapter), module)
    keeper, settings = Keeper(project, entry, values), settings_of(module, values)
    done = []
    for part in reversed(getattr(module, "AHEAD", getattr(module, "PARTS", ()))):
        if len(inspect.signature(part).parameters) == 1:  # no tables, which the notebook reads
            keeper.measured(part, settings)
            done.append(part.__name__)
    return done


def _end_with_parent() -> None:
    sys.stdin.read()  # until the process that started this one has ended
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    measure_backwards(sys.argv[1], json.loads(sys.argv[2]))
