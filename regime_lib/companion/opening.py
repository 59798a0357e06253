"""Opening a chapter in its notebook: parameters are checked, threads set, answers shielded."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from regime_lib.companion.book.catalogue import find_chapters
from regime_lib.companion.book.parameters import Value, check_value, refuse_unknown
from regime_lib.companion.book.project import find_project
from regime_lib.companion.chapter import Chapter
from regime_lib.companion.running.measuring import with_profile
from regime_lib.companion.running.threads import use_one_thread
from regime_lib.companion.teaching.shielding import shield
from regime_lib.errors import RegimeError


def open_chapter(
    name: str, namespace: Mapping[str, object], measure: ModuleType | None = None
) -> Chapter:
    """Check a notebook's parameters and return the chapter it is; from now on on one thread.

    Parameters
    ----------
    name : str
        The chapter's name, such as ``20_tracking_mlp``.
    namespace : mapping
        ``globals()`` of the notebook, right after its `parameters` cell.
    measure : module, optional
        What the chapter measures: ``Settings``, ``QUICK``, ``PAPER`` and a function per part.

    Returns
    -------
    Chapter
        With the checked values in `Chapter.parameters`.

    Raises
    ------
    RegimeError
        If a value does not fit its declaration, or a name is set that is not declared.
    """
    project = find_project()
    (entry,) = find_chapters(project, [name])
    declared = {parameter.name: parameter for parameter in entry.parameters}
    if not any(isinstance(value, Chapter) for value in namespace.values()):
        for variable, value in namespace.items():
            if _is_plain(variable, value):  # such as papermill can inject
                refuse_unknown(variable, declared, entry.name)
    values: dict[str, Value] = {}
    for key, parameter in declared.items():
        if key not in namespace:
            raise RegimeError(f"'{key}' is not set; run the parameters cell first")
        values[key] = check_value(parameter, namespace[key])
    use_one_thread()
    shield(entry.notebook, entry.name)
    return Chapter(project, entry, with_profile(entry, values, measure), measure)


def _is_plain(name: str, value: object) -> bool:
    """Whether a name of a notebook is data of the reader's, not an import or of IPython."""
    plain = (bool, int, float, str, list, tuple, dict, type(None))
    return isinstance(value, plain) and not name.startswith("_") and name not in ("In", "Out")
