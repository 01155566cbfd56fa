"""Where in a model a call is: the innermost module that has begun and not ended."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn

__all__ = ["Location"]


class Location:
    """Follow a model's calls while :meth:`followed` is entered.

    Examples:
        >>> import torch
        >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 2))
        >>> location = Location()
        >>> try:
        ...     with location.followed(model):
        ...         model(torch.zeros(1, 3))
        ... except RuntimeError:
        ...     print(location)
        module '1' (Linear)
    """

    def __init__(self) -> None:
        self._inside: list[str] = []

    def __str__(self) -> str:
        return self._inside[-1] if self._inside else "outside of the model, as in the loss"

    @contextmanager
    def followed(self, model: nn.Module) -> Generator[None]:
        """Note which module is being called."""
        handles: list[Any] = []
        for name, module in model.named_modules():
            words = f"module {name!r} ({type(module).__name__})" if name else f"the model ({type(module).__name__})"
            handles.append(module.register_forward_pre_hook(partial(self._enter, words)))
            handles.append(module.register_forward_hook(self._leave))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, words: str, module: nn.Module, args: Any) -> None:
        self._inside.append(words)

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        self._inside.pop()
