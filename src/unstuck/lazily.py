"""Public names of a package that are imported when they are first asked for: who uses one need not wait for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["imported_when_asked"]


def imported_when_asked(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package.

    Args:
        package: Its name.
        homes: Each of the names, and the module of the package that defines it.

    Examples:
        >>> ask = imported_when_asked("json", {"JSONDecoder": "decoder"})
        >>> ask("JSONDecoder")
        <class 'json.decoder.JSONDecoder'>
        >>> ask("nothing")
        Traceback (most recent call last):
        AttributeError: module 'json' has no attribute 'nothing'
    """

    def ask(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return ask
