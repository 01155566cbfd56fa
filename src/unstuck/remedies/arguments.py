"""Read and exchange an argument of a call, by position or by name."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["argument", "temporarily", "with_argument"]

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def argument(args: Args, kwargs: Kwargs, position: int, name: str, default: Any = None) -> Any:
    """An argument of a call.

    Examples:
        >>> argument((1, 2), {}, 1, "p"), argument((1,), {"p": 3}, 1, "p"), argument((1,), {}, 1, "p", 0.5)
        (2, 3, 0.5)
    """
    return args[position] if len(args) > position else kwargs.get(name, default)


def with_argument(args: Args, kwargs: Kwargs, position: int, name: str, value: Any) -> tuple[Args, Kwargs]:
    """The arguments of the same call with another value for one of them.

    Examples:
        >>> with_argument((1, 2, 3), {}, 1, "p", 0), with_argument((1,), {"p": 2}, 1, "p", 0)
        (((1, 0, 3), {}), ((1,), {'p': 0}))
    """
    if len(args) > position:
        return (*args[:position], value, *args[position + 1 :]), kwargs
    return args, {**kwargs, name: value}


@contextmanager
def temporarily(owner: Any, **values: Any) -> Generator[None]:
    """Give an object other attributes, and its own again at the end.

    Examples:
        >>> from types import SimpleNamespace
        >>> layer = SimpleNamespace(p=0.5)
        >>> with temporarily(layer, p=0.0):
        ...     print(layer.p)
        0.0
        >>> layer.p
        0.5
    """
    given = {name: getattr(owner, name) for name in values}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in given.items():
            setattr(owner, name, value)
