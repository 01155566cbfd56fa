"""Which modules that hold parameters does no forward pass call, and what suggests that they were meant to be?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, Literal

from torch import nn

from unstuck.observe.collectors.view import View
from unstuck.observe.user_code import module_tree
from unstuck.observe.user_code.frames import is_users
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Uncalled"]


class Uncalled:
    """State the outermost modules with parameters that were called at none of the sampled steps.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view

    def facts(self) -> Iterator[facts.UncalledModules]:
        """What was called up to now, where anything was."""
        view = self._view
        if not view.called or view.roots.compiled:
            return
        paths = {path: module for module in view.roots.modules() if (path := view.roots.path(module)) is not None}
        idle = {path for path, module in paths.items() if _holds(module) and not self._runs(path)}
        outermost = [path for path in idle if path and path.rpartition(".")[0] not in idle]
        order = [path for path in paths if path in outermost]
        found = tuple(filter(None, (self._module(path, paths) for path in order)))
        yield facts.UncalledModules(steps=view.samples, modules=found)

    def _runs(self, path: str) -> bool:
        """Whether a module or a part of it was called."""
        return not path or any(called == path or called.startswith(f"{path}.") for called in self._view.called)

    def _module(self, path: str, paths: dict[str, nn.Module]) -> facts.UncalledModule | None:
        owner_path, _, name = path.rpartition(".")
        owner, module = paths.get(owner_path), paths[path]
        if owner is None or isinstance(owner, nn.MultiheadAttention) or not self._runs(owner_path):
            return None  # attention takes the weights of its parts, and calls none of them
        return facts.UncalledModule(
            path=path,
            type=type(module).__name__,
            parameters=tuple(f"{path}.{inner}" for inner, _ in module_tree.named_parameters(module)),
            place=self._place(path, owner, owner_path),
            mentioned=_mentions(type(owner), name),
            users=runs_users_code(paths, owner_path),
            copied=self._copied(path, module, paths),
        )

    def _place(self, path: str, owner: nn.Module, owner_path: str) -> Literal["between", "list", "elsewhere"]:
        prefix = f"{owner_path}." if owner_path else ""
        names = list(owner._modules)  # pyright: ignore[reportPrivateUsage]
        name = path.rpartition(".")[2]
        if name not in names:
            return "elsewhere"  # it is called by the name of a variable
        runs = [self._runs(prefix + name) for name in names]
        position = names.index(name)
        if isinstance(owner, nn.ModuleList):
            return "list" if any(runs) else "elsewhere"
        return "between" if any(runs[:position]) and any(runs[position:]) else "elsewhere"

    def _copied(self, path: str, module: nn.Module, paths: dict[str, nn.Module]) -> bool:
        """Whether it may be the model of copies that are called, as an encoder layer that an encoder is made from."""
        if not module._modules:  # pyright: ignore[reportPrivateUsage]
            return False
        shapes = _shapes(module)
        return any(
            other is not module and type(other) is type(module) and self._runs(there) and _shapes(other) == shapes
            for there, other in paths.items()
        )


def _holds(module: nn.Module) -> bool:
    return next(iter(module_tree.parameters(module)), None) is not None


def runs_users_code(paths: Mapping[str, nn.Module], path: str) -> bool:
    """Whether the forward pass of a module, or of what holds a list of modules, is the user's own code."""
    while path and isinstance(paths.get(path), nn.ModuleList):
        path = path.rpartition(".")[0]
    code = getattr(getattr(type(paths.get(path)), "forward", None), "__code__", None)
    return isinstance(code, CodeType) and is_users(code.co_filename)


def called_by_user(paths: Mapping[str, nn.Module], path: str) -> str:
    """The module that a module is, or is a part of, and that the user's own code calls; empty where there is none."""
    while path:
        holder = path.rpartition(".")[0]
        if runs_users_code(paths, holder):
            return path
        path = holder
    return ""


def _shapes(module: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(parameter.shape) for parameter in module_tree.parameters(module)]


def _mentions(kind: type, name: str) -> bool:
    """Whether a method of a class names an attribute, by its compiled code; the constructor does not count."""
    methods = (
        method
        for base in kind.__mro__
        if base not in (nn.Module, object)
        for key, method in vars(base).items()
        if isinstance(method, FunctionType) and key != "__init__"
    )
    return any(name in code.co_names for method in methods for code in _codes(method.__code__))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
