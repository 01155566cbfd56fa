"""Call a model once for all members."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from inspect import signature
from typing import Any

from torch import Tensor
from torch.func import vmap
from torch.nn import functional
from torch.overrides import TorchFunctionMode, resolve_name

from unstuck.stacked.below import level, on_all
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


class Together(TorchFunctionMode):
    """While it is entered, functions under vmap act on all members in a faster way, and dropout draws for each.

    Args:
        masks: Where dropout draws from.
    """

    def __init__(self, masks: Masks) -> None:
        super().__init__()
        self._masks = masks
        self._level = 0
        self._called: Callable[..., Any] | None = None

    @property
    def operation(self) -> str:
        """The function that was called last, by its name in torch: where an error came from."""
        if self._called is None:
            return "nothing"
        return resolve_name(self._called) or str(getattr(self._called, "__name__", self._called))

    def __enter__(self) -> Together:
        """Begin, within the function that vmap maps."""
        self._level = level()
        return super().__enter__()

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do for all what there is a way for, and hand on the rest."""
        self._called = func
        kwargs = kwargs or {}
        if level() != self._level:  # within another transform, whose tensors are not ours to open
            return func(*args, **kwargs)
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

        def for_all(*values: Any) -> Any:
            found = PHYSICAL[func](*values, **kwargs)
            if found is None:
                dims = tuple(0 if isinstance(value, Tensor) else None for value in values)
                found = vmap(partial(func, **kwargs), in_dims=dims)(*values)
            return found

        return on_all(for_all, *args, members=len(self._masks))

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

        def for_all(values: Tensor) -> Tensor:
            return self._masks.drop(values, p, features=_DROPOUT[func])

        dropped = on_all(for_all, input, members=len(self._masks))
        return input.copy_(dropped) if inplace else dropped
