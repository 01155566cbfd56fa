"""The modules below a module and their parameters, by what it holds: its own methods may be overridden, and count."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from torch import Tensor, nn

__all__ = [
    "has_children",
    "held_by",
    "holds_parameters",
    "named_modules",
    "named_parameters",
    "own_buffers",
    "own_parameters",
    "parameters",
]


NOTHING = frozenset({None})


def named_modules(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module at or below a root with its path, each once, as ``nn.Module.named_modules`` gives them."""
    seen: set[int] = set()
    waiting: list[tuple[str, nn.Module]] = [("", root)]
    while waiting:
        path, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield path, module
        prefix = f"{path}." if path else ""
        below = [(f"{prefix}{name}", child) for name, child in _children(module) if child is not None]
        waiting += reversed(below)


def held_by(module: nn.Module) -> tuple[Collection[object], Collection[object]]:
    """The parameters that a module itself holds, and its modules; empty places are among them."""
    parameters: Any = module._parameters  # pyright: ignore[reportPrivateUsage]
    modules: Any = module._modules  # pyright: ignore[reportPrivateUsage]
    return parameters.values(), modules.values()


def has_children(module: nn.Module) -> bool:
    """Whether a module has modules below it."""
    return any(child is not None for _, child in _children(module))


def own_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that a module itself holds, by name."""
    held: Any = module._parameters  # pyright: ignore[reportPrivateUsage]
    for name, parameter in list(held.items()):
        if parameter is not None:
            yield name, parameter


def own_buffers(module: nn.Module) -> Iterator[Tensor]:
    """The buffers of a module itself, without those of its children."""
    for buffer in vars(module).get("_buffers", {}).values():
        if isinstance(buffer, Tensor):
            yield buffer


def holds_parameters(module: nn.Module) -> bool:
    """Whether a module itself holds any."""
    held: Any = module._parameters  # pyright: ignore[reportPrivateUsage]
    return bool(held) and not set(held.values()) <= NOTHING


def named_parameters(root: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Every parameter at or below a root with its path, each once, as ``nn.Module.named_parameters`` gives them.

    Examples:
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> [name for name, _ in named_parameters(model)]
        ['0.weight', '0.bias']
    """
    seen: set[int] = set()
    for path, module in named_modules(root):
        for name, parameter in own_parameters(module):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield f"{path}.{name}" if path else name, parameter


def parameters(root: nn.Module) -> Iterator[Tensor]:
    """The same without their paths."""
    return (parameter for _, parameter in named_parameters(root))


def _children(module: nn.Module) -> list[tuple[str, nn.Module | None]]:
    held: Any = module._modules  # pyright: ignore[reportPrivateUsage]
    return list(held.items())
