"""The run-time type checker looks at a function's first calls in each test, then at one in 53.

A check takes some hundred microseconds and an integrator calls a small function a million times:
with every call checked that took most of the time of the tests. A function that is defined within
another, and so made anew with each call of that one, is counted as one: to make its check takes
longer than to check.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jaxtyping

#: Calls of one function that are all checked, in one test.
ALL = 100
#: After those, one call in so many: a prime, so that every stage of an integrator has its turn.
ONE_IN = 53

_jaxtyped = jaxtyping.jaxtyped
_calls: dict[int, int] = {}  # in this test, by the identity of the function's code


def sampled(function: Any = None, *, typechecker: Any) -> Any:
    """Decorate as `jaxtyping.jaxtyped` does, which checks every call."""
    if function is None:
        return functools.partial(sampled, typechecker=typechecker)
    if inspect.isfunction(function):
        return _often(function, functools.partial(_jaxtyped, function, typechecker=typechecker))
    if not inspect.isclass(function):
        return _jaxtyped(function, typechecker=typechecker)
    plain = function.__init__
    decorated = _jaxtyped(function, typechecker=typechecker)
    if (checked := decorated.__init__) is not plain:  # a dataclass, changed in place
        decorated.__init__ = _often(plain, lambda: checked)
    return decorated


def _often(function: Callable, decorate: Callable[[], Callable]) -> Callable:
    """Return a function that calls what `decorate` returns where a call is checked."""
    checked: Callable | None = None  # made when needed: many functions are never called
    code = id(function.__code__)  # a table of functions would keep alive what they close over

    @functools.wraps(function)
    def often(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked
        _calls[code] = count = _calls.get(code, 0) + 1
        if count > ALL and count % ONE_IN:
            return function(*args, **kwargs)
        if checked is None:
            checked = decorate()
        return checked(*args, **kwargs)

    return often


def sample_calls() -> None:
    """Have modules that are imported from now on decorated by `sampled`."""
    jaxtyping.jaxtyped = sampled


def start_counting() -> None:
    """Begin another test: the first calls in it are checked again, all of them."""
    _calls.clear()
