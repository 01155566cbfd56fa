"""Tensors whose values can be read and computed with, whatever else a program holds."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from unstuck.observe.tensors.distributed import PLAIN, is_sharded, part_here

__all__ = ["is_readable", "is_real", "values_here", "whole_here"]

_transformed = torch._C._functorch.is_functorch_wrapped_tensor  # pyright: ignore


def is_readable(tensor: Tensor) -> bool:
    """Whether a tensor is an ordinary one: dense, with all its values in this process, on which operations are local.

    Sparse, nested, quantised and fake tensors, those that hand operations on to others, those within a transform of
    torch.func, parameters of FSDP1, whose memory comes and goes, and those whose memory was given back are not.

    Examples:
        >>> import torch
        >>> is_readable(torch.ones(2)), is_readable(torch.ones(2).to_sparse())
        (True, False)
    """
    return (
        (type(tensor) in PLAIN or _dispatches_as_tensor(type(tensor)))
        and tensor.layout is torch.strided
        and not tensor.is_meta
        and not tensor.is_quantized
        and not tensor.is_nested
        and not _transformed(tensor)
        and not getattr(tensor, "_fsdp_flattened", False)  # is_flattened, without a call for each parameter
        and not getattr(tensor, "_is_flat_param", False)
        and (bool(tensor.untyped_storage().size()) or not tensor.numel())  # FSDP gives memory back between the passes
    )


@cache
def _dispatches_as_tensor(kind: type) -> bool:
    """Whether a subclass only says how functions treat it, which they do not while our own code runs."""
    dispatch = "__torch_dispatch__"
    return issubclass(kind, Tensor) and getattr(kind, dispatch) is getattr(Tensor, dispatch)


def values_here(tensor: Tensor) -> Tensor | None:
    """The values that can be read on this process, without autograd: all of them, unless the tensor is sharded.

    Args:
        tensor: Any tensor of the program.

    Returns:
        A tensor that :func:`is_readable`. None where there is none: of a sum whose summands are on several processes,
        of a result that is awaited, and of whatever else holds no values that could be read.

    Examples:
        >>> import torch
        >>> values_here(torch.ones(2, requires_grad=True))
        tensor([1., 1.])
        >>> values_here(torch.ones(2, device="meta")) is None
        True
    """
    if is_readable(tensor):
        return tensor.detach()
    inner = part_here(tensor)
    return None if inner is None else values_here(inner)


def whole_here(tensor: Tensor) -> Tensor | None:
    """All values of a tensor, without autograd; None where this process does not hold all of them."""
    return None if is_sharded(tensor) else values_here(tensor)


def is_real(tensor: Tensor) -> bool:
    """Whether a tensor holds floating-point or complex numbers, which can be learnt, and not integers or booleans."""
    return tensor.is_floating_point() or tensor.is_complex()
