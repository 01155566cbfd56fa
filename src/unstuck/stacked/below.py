"""Below vmap: what is done to tensors that hold those of all members.

Torch offers the same by an ``autograd.Function`` with a ``vmap`` of its own, which takes ten times as long for small
layers. The calls here are those that it makes for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._functorch import pyfunctorch

__all__ = ["level", "on_all"]

_functorch: Any = torch._C._functorch  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
_interpreter: Any = pyfunctorch.retrieve_current_functorch_interpreter


def level() -> int:
    """The level of the vmap, or other transform of torch.func, that runs; 0 where none does.

    Examples:
        >>> level()
        0
    """
    return 0 if _functorch.peek_interpreter_stack() is None else int(_interpreter().level())


def on_all(call: Callable[..., Any], *args: Any, members: int) -> Any:
    """Call a function with tensors of all members, (M, ...), in place of those that vmap shows of one.

    Autograd sees the operations that it is made of, so that there is no derivative to write.

    Args:
        call: Gives a tensor (M, ...).
        args: Its arguments: tensors as the function that is mapped sees them, and others.
        members: M.

    Returns:
        The result as the function that is mapped sees it.

    Examples:
        >>> torch.func.vmap(lambda x: on_all(torch.cumsum, x, 0, members=3))(torch.ones(3))
        tensor([1., 2., 3.])
    """
    interpreter = _interpreter()
    at = interpreter.level()
    seen = [_members_first(value, at, members) if isinstance(value, Tensor) else value for value in args]
    with interpreter.lower():
        found = call(*seen)
    return _functorch._add_batch_dim(found, 0, at)


def _members_first(value: Tensor, at: int, members: int) -> Tensor:
    held, dim = _functorch._unwrap_batched(value, at)
    if dim is None:
        return held.expand(members, *held.shape)
    return held if dim == 0 else held.movedim(dim, 0)
