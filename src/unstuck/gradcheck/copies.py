"""Copies in another precision of models, losses and batches: what is checked is never what the user trains."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.utils import _pytree as pytree

from unstuck.errors import ArgumentError

__all__ = ["cast_tree", "copied", "first_examples", "promoting"]

T = TypeVar("T")

WIDER = {
    **dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), torch.float64),
    **dict.fromkeys((torch.complex64, torch.complex32), torch.complex128),
}
"""What a type becomes in double precision."""


def copied(module: nn.Module, dtype: torch.dtype, *, name: str) -> nn.Module:
    """A deep copy whose parameters, buffers and plain tensor attributes are of ``dtype``.

    Raises:
        ArgumentError: It cannot be copied.
    """
    # Tensors that hang in a graph cannot be copied by deepcopy; those that a model keeps from its last call are such.
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        twin = copy.deepcopy(module, memo)
    except Exception as error:  # whatever a __deepcopy__ of the user's raises
        raise ArgumentError(
            f"{name}={type(module).__name__}: it cannot be copied ({error}); keep what cannot be copied out of it"
        ) from error
    # Module.to(dtype) would make complex parameters real, and lose their imaginary parts.
    twin._apply(lambda tensor: _turned(tensor, dtype))  # pyright: ignore[reportPrivateUsage]
    for part in twin.modules():
        for key, value in vars(part).items():
            if isinstance(value, Tensor):
                vars(part)[key] = _turned(value.detach(), dtype)
        _still(part)
    return twin


def _turned(value: Tensor, dtype: torch.dtype) -> Tensor:
    if value.is_complex():
        return value.to(dtype.to_complex())
    return value.to(dtype) if value.is_floating_point() else value


def _still(part: nn.Module) -> None:
    """Stop what a forward pass does on the side, where outputs do not depend on it."""
    if isinstance(part, _BatchNorm) and part.training and part.track_running_stats:
        part.track_running_stats = False
        part.running_mean = part.running_var = part.num_batches_tracked = None
    # Spectral normalisation takes a step of a power iteration a call, and its gradient takes the vectors for constant:
    # exact only once they have converged.
    if type(part).__name__ == "_SpectralNorm":
        part.eval()
    hooks = part._forward_pre_hooks.values()  # pyright: ignore[reportPrivateUsage]
    if any(type(hook).__name__ == "SpectralNorm" for hook in hooks):
        part.training = False  # that of torch.nn.utils.spectral_norm, which follows the mode of its layer


def cast_tree(tree: T, dtype: torch.dtype) -> T:
    """The same nested values, with floating tensors detached, copied and of ``dtype``."""

    def turned(value: Any) -> Any:
        if isinstance(value, Tensor):
            return _turned(value.detach().clone(), dtype)
        return value

    return cast("T", pytree.tree_map(turned, tree))


def first_examples(batch: T, count: int) -> T:
    """The first examples of nested tensors that share their leading dimension; all of them where they do not."""
    leaves = [leaf for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor)]
    sizes = {leaf.shape[0] if leaf.ndim else None for leaf in leaves}
    if len(sizes) != 1 or None in sizes:
        return batch
    cut: Callable[[Any], Any] = lambda leaf: leaf[:count] if isinstance(leaf, Tensor) else leaf  # noqa: E731
    return cast("T", pytree.tree_map(cut, batch))


def promoting(function: object, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
    """A call of torch as it would be, had its author written float64 everywhere."""
    name = getattr(function, "__name__", "")
    if name in ("float", "half", "bfloat16") and args and isinstance(args[0], Tensor):
        function = Tensor.double

    def lifted(value: Any) -> Any:
        if isinstance(value, torch.dtype):
            return WIDER.get(value, value)
        if isinstance(value, Tensor) and value.dtype in WIDER:
            return Tensor.to(value, WIDER[value.dtype])
        return value

    args, kwargs = pytree.tree_map(lifted, (args, kwargs))
    return function, args, kwargs
