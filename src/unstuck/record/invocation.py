"""How a program was started: what a run keeps of it, so that the program can be started again."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from unstuck.record.facts import Invocation

__all__ = ["digest", "invocation", "standard_input", "trace", "with_sources"]

MOST_SOURCES = 500
"""Modules of the user's that are held against later changes."""

TRACE = 4
"""Hexadecimal digits that are kept of the checksum of a variable's value."""


def invocation(target: str, args: Sequence[str], *, module: bool) -> Invocation:
    """How this process runs a program, before it does.

    Args:
        target: The script, folder or archive, or the name of the module.
        args: Its own arguments.
        module: Whether it is a module.

    Examples:
        >>> invocation("train.py", ["--epochs", "3"], module=False).args
        ('--epochs', '3')
    """
    kind, file = standard_input()
    started = Invocation(
        target=target,
        module=module,
        args=tuple(args),
        folder=os.getcwd(),
        interpreter=sys.executable,
        variables=tuple(sorted(os.environ)),
        traces=tuple(trace(name) for name in sorted(os.environ)),
        stdin=kind,
        stdin_file=file,
    )
    return started if module else _with(started, [Path(target)])


def with_sources(started: Invocation) -> Invocation:
    """The same at the program's end, with the modules that it has imported from its own folder or the working one.

    Args:
        started: How it was started.
    """
    homes = {Path(started.folder)} if started.module else {Path(started.folder), Path(started.target).absolute().parent}
    files = (getattr(module, "__file__", None) for module in tuple(sys.modules.values()))
    own = sorted(path for path in {Path(file) for file in files if isinstance(file, str)} if _beside(path, homes))
    return _with(started, own[:MOST_SOURCES])


def digest(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read, or is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError:
        return ""


def trace(variable: str) -> str:
    """Sixteen bits of the checksum of the value that a variable of the environment has, in hexadecimal digits.

    Enough to notice another value, and too few to find out which it was.

    Args:
        variable: Its name.

    Returns:
        Four digits; nothing where it is not set.

    Examples:
        >>> trace("NOBODY_HAS_SET_THIS")
        ''
    """
    value = os.environ.get(variable)
    return "" if value is None else hashlib.sha256(os.fsencode(value)).hexdigest()[:TRACE]


def _with(started: Invocation, paths: Iterable[Path]) -> Invocation:
    known = dict(zip(started.sources, started.digests, strict=True))
    found = {str(path.absolute()): path for path in paths}
    new = {name: digest(path) for name, path in found.items() if name not in known}
    known |= {name: value for name, value in new.items() if value}
    return replace(started, sources=tuple(known), digests=tuple(known.values()))


def _beside(path: Path, homes: set[Path]) -> bool:
    """Whether a module lies with the program, and is not installed."""
    if "site-packages" in path.parts or not path.is_absolute():
        return False
    return any(home in path.parents for home in homes) and Path(sys.prefix) not in path.parents


def standard_input() -> tuple[Literal["terminal", "nothing", "file", "pipe"], str]:
    """What standard input is, and the path of the file that it is; empty where it is none."""
    try:
        number = sys.stdin.fileno()
        mode = os.fstat(number).st_mode
    except (AttributeError, OSError, ValueError):
        return "nothing", ""
    if os.isatty(number):
        return "terminal", ""
    if stat.S_ISREG(mode):
        return "file", _path_of(number)
    return ("nothing" if stat.S_ISCHR(mode) else "pipe"), ""


def _path_of(number: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return ""
