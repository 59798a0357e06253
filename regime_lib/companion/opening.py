"""Opening a chapter: its parameters are checked in the notebook, however it was started."""

from __future__ import annotations

from collections.abc import Mapping

from regime_lib.companion.book.catalogue import Entry, find_chapters
from regime_lib.companion.book.parameters import Value, check_value, refuse_unknown
from regime_lib.companion.book.project import find_project
from regime_lib.companion.chapter import Chapter
from regime_lib.errors import RegimeError

PROFILES = ("quick", "paper")


def open_chapter(
    name: str,
    namespace: Mapping[str, object],
    *,
    quick: Mapping[str, Value] | None = None,
    paper: Mapping[str, Value] | None = None,
) -> Chapter:
    """Check a notebook's parameters and return the chapter it is.

    Parameters
    ----------
    name : str
        The chapter's name, such as ``20_tracking_mlp``.
    namespace : mapping
        ``globals()`` of the notebook, right after its `parameters` cell.
    quick, paper : mapping of str to value, optional
        What each profile gives to the parameters that are left at None.

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
        for variable in _user_variables(namespace):
            refuse_unknown(variable, declared, entry.name)
    values: dict[str, Value] = {}
    for parameter in entry.parameters:
        if parameter.name not in namespace:
            raise RegimeError(f"'{parameter.name}' is not set; run the parameters cell first")
        values[parameter.name] = check_value(parameter, namespace[parameter.name])
    return Chapter(project, entry, _with_profile(entry, values, quick, paper))


def _with_profile(
    entry: Entry,
    values: dict[str, Value],
    quick: Mapping[str, Value] | None,
    paper: Mapping[str, Value] | None,
) -> dict[str, Value]:
    """Fill the parameters that are None from the profile that is chosen."""
    if quick is None and paper is None:
        return values
    declared = {parameter.name: parameter for parameter in entry.parameters}
    if quick is None or paper is None or set(quick) != set(paper):
        raise RegimeError("the profiles quick and paper must give values to the same parameters")
    if values.get("profile") not in PROFILES:
        raise RegimeError(
            'a chapter with profiles declares `profile: str = "quick"  # [quick | paper]`'
        )
    for profile in (quick, paper):
        for key, value in profile.items():
            refuse_unknown(key, declared, entry.name)
            check_value(declared[key], value, "the profile's value of")
    chosen = quick if values["profile"] == "quick" else paper
    return {k: chosen.get(k) if value is None else value for k, value in values.items()}


def _user_variables(namespace: Mapping[str, object]) -> list[str]:
    """Return the names of plain data in a notebook, such as papermill can inject.

    Modules, functions and classes are imports; names with an underscore, and In and Out, belong
    to IPython and to editors.
    """
    plain = (bool, int, float, str, list, tuple, dict, type(None))
    return [
        name
        for name, value in namespace.items()
        if isinstance(value, plain) and not name.startswith("_") and name not in ("In", "Out")
    ]
