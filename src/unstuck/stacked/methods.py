"""The optimizer of :mod:`unstuck.optim` that has the formula of one of torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from unstuck import optim
from unstuck.optim.optimizer import ObservedOptimizer
from unstuck.stacked.errors import CannotStackError

__all__ = ["method_of"]

_COUNTERPARTS: dict[type[Optimizer], type[ObservedOptimizer]] = {
    torch.optim.SGD: optim.SGD,
    torch.optim.Adam: optim.Adam,
    torch.optim.AdamW: optim.AdamW,
    torch.optim.RAdam: optim.RAdam,
    torch.optim.RMSprop: optim.RMSprop,
    torch.optim.Adagrad: optim.Adagrad,
}


def method_of(optimizer: Optimizer) -> ObservedOptimizer:
    """An optimizer itself if it is one of ours, else its counterpart, which shares its parameter groups.

    So what a schedule sets in the groups of the one is set in those of the other.

    Raises:
        CannotStackError: It has none.

    Examples:
        >>> theirs = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
        >>> method_of(theirs).param_groups is theirs.param_groups
        True
    """
    if isinstance(optimizer, ObservedOptimizer):
        return optimizer
    made = _COUNTERPARTS.get(type(optimizer))
    if made is None:
        known = ", ".join(sorted(method.__name__ for method in _COUNTERPARTS))
        name = f"{type(optimizer).__module__}.{type(optimizer).__qualname__}"
        raise CannotStackError(f"the formula of {name} is not known; those of unstuck.optim and torch's {known} are")
    if any(torch.is_tensor(group["lr"]) for group in optimizer.param_groups):
        raise CannotStackError("lr is a tensor; a number stacks")
    build = cast("Callable[[list[Tensor]], ObservedOptimizer]", made)
    method = build([parameter for group in optimizer.param_groups for parameter in group["params"]])
    method.param_groups, method.state = optimizer.param_groups, optimizer.state
    return method
