"""Put functions in place of others, wherever modules that are loaded hold them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

__all__ = ["replace"]

_KEPT = ("posix", "_posixsubprocess")
"""Modules that go on as they were: the system itself."""

_WITH_CLASSES = ("pathlib", "glob", "tempfile", "shutil")
"""Modules of the library some classes of which hold functions of ``os``, as attributes or as defaults."""


def replace(pairs: Sequence[tuple[Callable[..., Any], Callable[..., Any]]]) -> None:
    """Replace functions by name in each module that has one, be it by ``from os import listdir``.

    Args:
        pairs: Each function, and what takes its place.
    """
    new = {id(old): function for old, function in pairs}
    for name, module in tuple(sys.modules.items()):
        if name not in _KEPT:
            _in_place_of(new, getattr(module, "__dict__", {}))
            if name.partition(".")[0] in _WITH_CLASSES:
                _in_classes(new, module)
    for old, function in pairs:
        if old in os.supports_follow_symlinks:
            cast("set[Any]", os.supports_follow_symlinks).add(function)


def _in_place_of(new: dict[int, Callable[..., Any]], names: dict[str, Any]) -> None:
    for name, value in tuple(names.items()):
        function = new.get(id(value))
        if function is not None:
            names[name] = function


def _in_classes(new: dict[int, Callable[..., Any]], module: object) -> None:
    for held in tuple(vars(module).values()):
        if isinstance(held, type):
            for name, value in tuple(vars(held).items()):
                function = new.get(id(getattr(value, "__func__", value)))
                if function is not None:
                    setattr(held, name, staticmethod(function))
                defaults = getattr(value, "__defaults__", None) or ()
                if any(id(default) in new for default in defaults):
                    value.__defaults__ = tuple(new.get(id(default), default) for default in defaults)
