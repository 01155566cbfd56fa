"""The place in the user's own code from which a call came."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple, cast

import torch

from unstuck.observe.user_code import module_tree

__all__ = [
    "NOWHERE",
    "Site",
    "is_users",
    "module_names",
    "user_modules",
    "user_names",
    "user_place",
    "user_scopes",
    "user_site",
    "user_trail",
    "user_values",
    "user_variable_names",
    "user_variables",
]

_OURS = str(Path(__file__).resolve().parents[2])
_TORCH = str(Path(torch.__file__).resolve().parent)
_BIN = Path(sys.executable).parent
"""Where console scripts lie: our own, torchrun, and their like."""
_STDLIB = str(Path(sys.modules["os"].__file__ or "").resolve().parent)


MOST_ENTRIES = 1_000

MOST_OBJECTS = 64
"""Variables of a function whose own attributes are looked at."""


@cache
def is_users(file: str) -> bool:
    """Whether a source file is the user's own: neither ours, nor torch's, nor an installed package's."""
    if file.startswith("<") and not file.startswith("<ipython"):
        return False
    path = str(Path(file).resolve())
    if Path(file).parent == _BIN:
        return False
    return not (path.startswith((_OURS, _TORCH, _STDLIB)) or "site-packages" in path or "dist-packages" in path)


def _user_frames(depth: int) -> list[FrameType]:
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(depth + 1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        if is_users(frame.f_code.co_filename):
            found.append(frame)
        frame = frame.f_back
    return found


def user_trail() -> str:
    """The user's calls that led here, the innermost first: a name for a place.

    Each is written as ``file:line:instruction:start:end``, with the columns of the call, -1 where they are not known.
    The instruction tells apart two calls on one line.
    """
    return " < ".join([_call(frame.f_code, frame.f_lineno, frame.f_lasti) for frame in _user_frames(1)])


@lru_cache(maxsize=1_024)
def _call(code: CodeType, line: int, instruction: int) -> str:
    return f"{code.co_filename}:{line}:{instruction}:{_columns(code, instruction)}"


@lru_cache(maxsize=1_024)
def _columns(code: CodeType, instruction: int) -> str:
    """``start:end``, the columns of the call that an instruction makes; Python 3.10 does not keep them."""
    positions = getattr(code, "co_positions", None)
    if positions is None:
        return "-1:-1"
    line, last, start, end = next(islice(positions(), instruction // 2, None), (None, None, None, None))
    return f"{-1 if start is None else start}:{-1 if end is None or last != line else end}"


def user_modules() -> list[torch.nn.Module]:
    """The modules that the user's variables and attributes of ``self`` hold, those of most parameters first."""
    found: dict[int, torch.nn.Module] = {}
    for frame in _user_frames(1):
        for scope in (_locals(frame), frame.f_globals):
            for value in (*scope.values(), *_attributes(scope.get("self")).values()):
                if issubclass(type(value), torch.nn.Module):
                    found[id(value)] = cast("torch.nn.Module", value)
    return sorted(found.values(), key=lambda module: -sum(p.numel() for p in module_tree.parameters(module)))


def module_names() -> dict[int, str]:
    """Names of the modules that the user's variables and attributes of ``self`` hold, by the modules' identities.

    Of several names that of the innermost frame counts: where this is called, as where an optimizer is made.
    """
    names: dict[int, str] = {}
    for frame in _user_frames(1):
        for scope in (_locals(frame), frame.f_globals):
            for name, value in (*scope.items(), *_attributes(scope.get("self")).items()):
                if name != "self" and issubclass(type(value), torch.nn.Module):
                    names.setdefault(id(value), name)
    return names


def user_names(wanted: set[int]) -> dict[int, str]:
    """Names that the user's code gives to objects: variables, attributes of ``self``, entries of lists.

    Args:
        wanted: Identities of the objects.

    Returns:
        The name of each object that was found, by its identity.
    """
    names: dict[int, str] = {}
    for frame in _user_frames(1):
        for scope in (_locals(frame), frame.f_globals):
            for name, value in list(scope.items()):
                _name(names, wanted, name, value)
                if name == "self":
                    for attribute, inner in list(_attributes(value).items()):
                        _name(names, wanted, attribute, inner)
        if len(names) == len(wanted):
            break
    return names


def user_values(names: Collection[str]) -> dict[str, object]:
    """What the user's code calls by names that :func:`user_names` gave; of several, that of the innermost frame.

    Args:
        names: The names, ``"y"`` or ``"batch['y']"``.

    Returns:
        The object of each name that was found.
    """
    found: dict[str, object] = {}
    variables = {name.partition("[")[0] for name in names}
    for frame in _user_frames(1):
        for scope in (_locals(frame), frame.f_globals):
            known = {**_attributes(scope.get("self")), **scope}
            for variable in variables & known.keys():
                for label, entry in _entries(variable, known[variable]):
                    if label in names:
                        found.setdefault(label, entry)
    return found


def user_variables(frames: int = 2) -> list[object]:
    """What the variables of the innermost running functions of the user's hold.

    Args:
        frames: How many of these functions.
    """
    return [value for frame in _user_frames(1)[:frames] for value in _locals(frame).values()]


def user_scopes(frames: int = 3) -> list[Mapping[str, object]]:
    """Variables by name of the innermost running functions of the user's, with what their objects hold.

    Args:
        frames: How many of these functions.
    """
    scopes: list[Mapping[str, object]] = []
    for frame in _user_frames(1)[:frames]:
        own = _locals(frame)
        known = [*_attributes(own.get("self")).values(), *own.values()][:MOST_OBJECTS]
        scopes += [own, _attributes(own.get("self")), *filter(None, map(_held, known))]
    return scopes


def _held(value: object) -> dict[str, object]:
    """What a dictionary holds by names, or an object of a class of the user's, as a memory of what was done."""
    if type(value) is dict:
        items = cast("dict[object, object]", value)
        return {name: entry for name, entry in list(items.items())[:MOST_OBJECTS] if type(name) is str}
    module = sys.modules.get(type(value).__module__)
    return _attributes(value) if is_users(getattr(module, "__file__", None) or "<unknown>") else {}


def user_variable_names() -> list[tuple[str, object]]:
    """Names and values of the variables of the innermost running function of the user's, and of its module's."""
    frame = next(iter(_user_frames(1)), None)
    return [] if frame is None else [*frame.f_globals.items(), *_locals(frame).items()]


def _attributes(value: object) -> dict[str, object]:
    """The attributes that an object itself has; no code of the user's runs, who may have proxies that raise."""
    try:
        known = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return known if type(known) is dict else {}


def _locals(frame: FrameType) -> dict[str, object]:
    """The variables of a running function.

    Until Python 3.13 a frame keeps the dictionary in which it shows them, and so keeps alive what they held: it is
    emptied again, unless the program holds it too, from a call of ``locals()``.
    """
    shown = frame.f_locals
    variables = dict(shown)
    optimized = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    if sys.version_info < (3, 13) and optimized and sys.getrefcount(shown) <= UNSHARED:
        shown.clear()
    return variables


UNSHARED = 3
"""References to a dictionary that only a frame holds: the frame's, our variable, and the argument of the question."""


def _name(names: dict[int, str], wanted: set[int], name: str, value: object) -> None:
    for label, entry in _entries(name, value):
        if id(entry) in wanted:
            names.setdefault(id(entry), label)


def _entries(name: str, value: object) -> Iterator[tuple[str, object]]:
    """A variable and, of a list or a dictionary, its entries, each as the user would write it."""
    yield name, value
    if type(value) in (list, tuple):
        entries = cast("Sequence[object]", value)
        if len(entries) <= MOST_ENTRIES:
            yield from ((f"{name}[{position}]", entry) for position, entry in enumerate(entries))
    elif type(value) is dict:
        items = cast("dict[object, object]", value)
        if len(items) <= MOST_ENTRIES:
            yield from ((f"{name}[{key!r}]", entry) for key, entry in list(items.items()) if type(key) in (str, int))


class Site(NamedTuple):
    """Where the user's code makes a call, as far as it is known.

    Attributes:
        file: The file.
        line: The line, from 1.
        column: The column at which the call begins, from 0, which tells calls on one line apart.
    """

    file: str | None = None
    line: int | None = None
    column: int | None = None


NOWHERE = Site()


def user_site(depth: int = 1) -> Site:
    """The call of the innermost caller that is neither ours, nor torch's, nor an installed package's.

    Args:
        depth: Frames to skip at the top.
    """
    frame: FrameType | None = sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        if is_users(frame.f_code.co_filename):
            column = int(_columns(frame.f_code, frame.f_lasti).partition(":")[0])
            return Site(frame.f_code.co_filename, frame.f_lineno, None if column < 0 else column)
        frame = frame.f_back
    return NOWHERE


def user_place(depth: int = 1) -> tuple[str | None, int | None]:
    """File and line of the innermost caller that is neither ours, nor torch's, nor an installed package's.

    Args:
        depth: Frames to skip at the top.

    Returns:
        The file and the line, from 1; ``(None, None)`` where no such caller is on the stack.
    """
    site = user_site(depth + 1)
    return site.file, site.line
