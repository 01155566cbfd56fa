"""Where something stands in the sources of a program: an edit is made only where there is one place that fits."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from unstuck.confirm.edit import Edit, EditError, parsed, reaches, span
from unstuck.confirm.written import last_name

__all__ = ["Site", "Source", "calls", "in_line", "only", "read", "renamed", "rewritten", "sites"]

Node = TypeVar("Node", bound="ast.expr | ast.stmt", covariant=True)
Other = TypeVar("Other", bound="ast.expr | ast.stmt")

NAMED = 3
"""Places that are named where there are several."""


@dataclass(frozen=True)
class Source:
    """A file of the user's.

    Attributes:
        file: Its path.
        text: What it holds.
    """

    file: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree.

        Raises:
            EditError: It is not Python.
        """
        return parsed(self.text)

    def edited(self, after: str) -> Edit:
        """The edit by which it holds another text."""
        return Edit(file=self.file, before=self.text, after=after)


@dataclass(frozen=True)
class Site(Generic[Node]):
    """An expression or a statement in a source.

    Attributes:
        source: Where it stands.
        node: What stands there.
    """

    source: Source
    node: Node

    @property
    def place(self) -> str:
        """File and line: ``"train.py:8"``."""
        return f"{Path(self.source.file).name}:{self.node.lineno}"

    @property
    def text(self) -> str:
        """How it is written."""
        start, end = span(self.source.text, self.node)
        return self.source.text[start:end]

    def of(self, node: Other) -> Site[Other]:
        """Another node of the same source."""
        return Site(self.source, node)


def read(file: str) -> Source:
    """A file.

    A byte order mark is left out of its text, as it is out of the columns of its syntax tree; ``apply`` keeps it.

    Raises:
        EditError: It cannot be read, or is no text.
    """
    try:
        return Source(file, Path(file).read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise EditError(f"{file} cannot be read: {error}") from error


def sites(sources: Iterable[Source], kind: type[Other]) -> list[Site[Other]]:
    """All nodes of a kind, in the order of their lines."""
    found = [Site(source, node) for source in sources for node in ast.walk(source.tree) if isinstance(node, kind)]
    return sorted(found, key=lambda one: (one.source.file, one.node.lineno, one.node.col_offset))


def calls(sources: Iterable[Source], names: Sequence[str]) -> list[Site[ast.Call]]:
    """The calls of functions or classes with one of these last names.

    Examples:
        >>> source = Source("net.py", "net = nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=1))")
        >>> [one.text for one in calls([source], ("Softmax",))]
        ['nn.Softmax(dim=1)']
    """
    return [one for one in sites(sources, ast.Call) if last_name(one.node.func) in names]


def in_line(found: Iterable[Site[Other]], file: str | None, line: int | None) -> list[Site[Other]]:
    """Those that reach over a line of a file, outer ones first."""
    return [one for one in found if one.source.file == file and line and reaches(one.node, line)]


def only(found: Sequence[Site[Other]], what: str) -> Site[Other]:
    """The one place that there is.

    Args:
        found: All that fit.
        what: What they are, for the message.

    Raises:
        EditError: There is none, or there are several.
    """
    if not found:
        raise EditError(f"{what} does not stand in the program's own files")
    if len(found) > 1:
        places = [*dict.fromkeys(one.place for one in found)]
        named = ", ".join(places[:NAMED]) + (", ..." if len(places) > NAMED else "")
        raise EditError(f"{what} stands in several places ({named})")
    return found[0]


def rewritten(changes: Sequence[tuple[Site[Any], str]]) -> Edit:
    """The edit that writes something else at some places, of which none lies in another.

    Raises:
        EditError: They are in several files.
    """
    files = {site.source.file for site, _ in changes}
    if len(files) != 1:
        raise EditError("it would change several files")
    before = after = changes[0][0].source.text
    for (start, end), new in sorted(((span(before, site.node), new) for site, new in changes), reverse=True):
        after = after[:start] + new + after[end:]
    return changes[0][0].source.edited(after)


def renamed(site: Site[ast.Call], name: str) -> tuple[Site[ast.expr], str]:
    """The function of a call by another name of the same module.

    Raises:
        EditError: It was imported by its name, so that the other one may not be.
    """
    function = site.node.func
    if not isinstance(function, ast.Attribute):
        raise EditError(f"{ast.unparse(function)} is imported by its name")
    return site.of(function), f"{site.of(function.value).text}.{name}"
