"""The `for` loops of a user's program, as it is compiled: each asks here for what it goes through."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from unstuck.remedies.interventions import patched

__all__ = ["going_through"]

NAME = "__unstuck_goes_through__"

OURS = Path(__file__).parents[1]


@contextmanager
def going_through(passes: Callable[[Iterable[Any]], Iterable[Any]]) -> Generator[None]:
    """Let each `for` loop of a program that is compiled from now on go through what is made of its iterable.

    The files stay as they are, and so do lines in tracebacks. Installed packages are no part of the program.

    Args:
        passes: Called with what a loop is to go through, as it begins; gives what it goes through instead.
    """

    def compiled(compile_: Callable[..., CodeType]) -> Callable[..., CodeType]:
        def changed(self: SourceFileLoader, data: Any, path: Any, **settings: Any) -> CodeType:
            if isinstance(data, ast.AST) or not _of_the_user(Path(str(path))):
                return compile_(self, data, path, **settings)
            tree = _Loops().visit(compile(data, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True))
            return compile_(self, ast.fix_missing_locations(tree), path, **settings)

        return changed

    def read(get_code: Callable[..., Any]) -> Callable[..., Any]:
        def changed(self: SourceFileLoader, fullname: str) -> Any:
            path = self.get_filename(fullname)
            if not _of_the_user(Path(path)):
                return get_code(self, fullname)
            return self.source_to_code(self.get_data(path), path)  # what was compiled before has other loops

        return changed

    setattr(builtins, NAME, passes)
    try:
        with patched(SourceFileLoader, "source_to_code", compiled), patched(SourceFileLoader, "get_code", read):
            yield
    finally:
        delattr(builtins, NAME)


class _Loops(ast.NodeTransformer):
    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        call = ast.Call(func=ast.Name(id=NAME, ctx=ast.Load()), args=[node.iter], keywords=[])
        node.iter = ast.copy_location(call, node.iter)
        return node


def _of_the_user(path: Path) -> bool:
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    roots = (Path(sys.prefix), Path(sys.base_prefix, "lib"), OURS)
    return not installed and path.is_absolute() and not any(root in path.parents for root in roots)
