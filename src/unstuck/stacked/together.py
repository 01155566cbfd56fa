"""Call a model once for all members."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional
from torch.overrides import TorchFunctionMode, resolve_name

from unstuck.stacked.masks import Masks
from unstuck.stacked.rewrites import PHYSICAL

__all__ = ["Together"]

_DROPOUT: dict[Callable[..., Any], bool] = {
    functional.dropout: False,
    functional.dropout1d: True,
    functional.dropout2d: True,
    functional.dropout3d: True,
}
"""Functions that drop, and whether they drop whole channels."""


class _OnAll(torch.autograd.Function):
    """What a function does for all members, on tensors whose first dimension is that of the members.

    Autograd sees the operations that it is made of, below vmap, so that there is no derivative to write here.
    """

    @staticmethod
    def forward(call: Callable[..., Any], *args: Any) -> Any:
        raise AssertionError("one argument, the token, is always mapped over")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        raise AssertionError("one argument, the token, is always mapped over")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> tuple[Any, int]:
        call, *values = args
        return call(*map(partial(_members_first, members=info.batch_size), values, in_dims[1:])), 0


def _members_first(value: Any, dim: int | None, *, members: int) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.expand(members, *value.shape) if dim is None else value.movedim(dim, 0)


class Together(TorchFunctionMode):
    """While it is entered, functions under vmap act on all members in a faster way, and dropout draws for each.

    Args:
        masks: Where dropout draws from.
    """

    def __init__(self, masks: Masks) -> None:
        super().__init__()
        self._masks = masks
        self._token: Tensor | None = None
        self._called: Callable[..., Any] | None = None

    @property
    def operation(self) -> str:
        """The function that was called last, by its name in torch: where an error came from."""
        if self._called is None:
            return "nothing"
        return resolve_name(self._called) or str(getattr(self._called, "__name__", self._called))

    @contextmanager
    def over(self, token: Tensor) -> Generator[None]:
        """Act on all members.

        Args:
            token: A number for each, over which vmap maps, as the function that is mapped sees it.
        """
        self._token = token
        try:
            with self:
                yield
        finally:
            self._token = None

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do for all what there is a way for, and hand on the rest."""
        self._called = func
        kwargs = kwargs or {}
        if func in PHYSICAL:
            return self._physical(func, args, kwargs)
        if func in _DROPOUT:
            return self._dropout(func, *args, **kwargs)
        return func(*args, **kwargs)

    def _physical(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if any(isinstance(value, Tensor) for value in kwargs.values()):
            bound = signature(PHYSICAL[func]).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs

        def for_all(token: Tensor, *values: Any) -> Any:
            found = PHYSICAL[func](*values, **kwargs)
            if found is None:
                dims = tuple(0 if isinstance(value, Tensor) else None for value in values)
                found = vmap(partial(func, **kwargs), in_dims=dims)(*values)
            return found

        return _OnAll.apply(for_all, self._token, *args)

    def _dropout(
        self,
        func: Callable[..., Any],
        input: Tensor,  # noqa: A002 - as in torch
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        if not training:
            return input

        def for_all(token: Tensor, values: Tensor) -> Tensor:
            return self._masks.drop(values, p, features=_DROPOUT[func])

        dropped: Any = _OnAll.apply(for_all, self._token, input)
        return input.copy_(dropped) if inplace else dropped
