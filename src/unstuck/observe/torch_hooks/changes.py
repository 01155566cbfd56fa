"""See who changes tensors in place: the calls between a backward pass and the update that follows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from torch import nn

from unstuck.observe.torch_hooks import forward
from unstuck.observe.user_code.frames import is_users

__all__ = ["Call", "InPlaceCalls"]

Call = tuple[str, str | None, int | None]
"""What the user has called, which need not be what changed the tensor: ``("clip_grad_norm_", "train.py", 12)``."""

HARMLESS = frozenset({"requires_grad_", "detach_", "retain_grad_"})
SETTERS = frozenset({"__setitem__", "__set__"})
WRAPPERS = frozenset({"_no_grad_wrapper", "decorate_context", "inner", "wrapper", "wrapped", "_fn"})
"""Names that decorators give to what they make of a function."""

UNSCALING = "_amp_foreach_non_finite_check_and_unscale_"


class InPlaceCalls:
    """Show each call of this thread that changes a tensor in place, while it looks.

    Args:
        changed: Called with the first argument of the function, and with the call of the user's that led to it.

    Attributes:
        spent: Seconds that looking took.
        calls: What is to be called for a function.
        error: What ended the looking.
    """

    def __init__(self, changed: Callable[[Any, Callable[[], Call]], None]) -> None:
        self.spent = 0.0
        self.calls: Mapping[Any, Callable[..., None]] = _InPlace(self._called)
        self.error: Exception | None = None
        self._changed = changed

    def look(self, *, wanted: bool) -> None:
        """Look from now on, or do not."""
        if wanted and self.error is None:
            forward.listen(self)
        else:
            forward.unlisten(self)

    def _called(self, function: Any, args: tuple[Any, ...], *rest: Any, learning: bool) -> None:
        del rest, learning
        name = str(getattr(function, "__name__", ""))
        if args:
            frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
            self._changed(args[0], lambda: _call(frame, name))

    def scalars(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is asked of functions that return one number."""

    def claims(self, module: nn.Module) -> bool:
        """Modules are nobody's here."""
        return False

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool, learning: bool) -> None:
        """Nothing is asked of modules."""

    def module_ended(self, module: nn.Module, output: Any, *, outer: nn.Module | None, learning: bool) -> None:
        """Nothing is asked of modules."""

    def function_failed(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What failed has changed nothing."""

    def failed(self, error: Exception) -> None:
        """Looking has failed, and ends."""
        self.error = error


class _InPlace(Mapping[Any, Callable[..., None]]):
    """All functions that change their first argument, without a list of them."""

    def __init__(self, handler: Callable[..., None]) -> None:
        self._handler = handler

    def __getitem__(self, function: Any) -> Callable[..., None]:
        name = getattr(function, "__name__", "")
        in_place = name.endswith("_") and not name.endswith("__") and name not in HARMLESS
        if in_place or name in SETTERS:
            return self._handler
        raise KeyError(function)

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _call(frame: FrameType | None, name: str) -> Call:
    """The function that the user's code has called, and where; PyTorch's own is named where the user called it."""
    called = name
    while frame is not None and not is_users(frame.f_code.co_filename):
        function = frame.f_code.co_name
        if function not in WRAPPERS and not str(frame.f_globals.get("__name__")).startswith("unstuck."):
            called = function
        frame = frame.f_back
    called = "unscale_" if name == UNSCALING else called
    return (called, None, None) if frame is None else (called, frame.f_code.co_filename, frame.f_lineno)
