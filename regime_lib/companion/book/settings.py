"""The checked parameters of a running chapter, as the notebook reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from regime_lib.companion.book.parameters import Value, refuse_unknown
from regime_lib.errors import RegimeError


class ChapterParameters(Mapping[str, Value]):
    """The checked parameters of a chapter, read as attributes: ``p.steps``.

    They cannot be changed here: change the `parameters` cell, or pass ``-p name value``.
    """

    def __init__(self, values: Mapping[str, Value], chapter: str) -> None:
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_chapter", chapter)

    _values: dict[str, Value]
    _chapter: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse_unknown(name, self._values, self._chapter)
        return self._values[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise RegimeError(
            f"parameter '{name}' is read-only here; set it in the parameters cell or with -p"
        )

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {value!r}" for name, value in self._values.items())
