"""Tensors whose values can be read and computed with, whatever else a program holds."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from itertools import repeat
from operator import attrgetter

import torch
from torch import Tensor

from unstuck.observe.tensors.distributed import PLAIN, is_sharded, part_here

__all__ = ["are_readable", "as_real", "is_readable", "is_real", "values_here", "whole_here", "wide_type"]

_PLAIN, _STRIDED = frozenset[type](PLAIN), frozenset({torch.strided})
_layout, _is_meta, _is_quantized, _is_nested = map(attrgetter, ("layout", "is_meta", "is_quantized", "is_nested"))

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
        and (bool(tensor.untyped_storage().nbytes()) or not tensor.numel())  # FSDP gives memory back between the passes
    )


def are_readable(tensors: Collection[Tensor]) -> bool:
    """Whether all tensors are of PyTorch's own types and readable, and none is empty.

    Asked of the whole list at a time: there may be tens of thousands.

    Examples:
        >>> import torch
        >>> are_readable([torch.ones(2), torch.zeros(1)]), are_readable([torch.ones(2), torch.ones(2, device="meta")])
        (True, False)
    """
    return (
        {*map(type, tensors)} <= _PLAIN
        and {*map(_layout, tensors)} <= _STRIDED
        and not any(map(_is_meta, tensors))
        and not any(map(_is_quantized, tensors))
        and not any(map(_is_nested, tensors))
        and not any(map(_transformed, tensors))
        and not any(map(getattr, tensors, repeat("_fsdp_flattened"), repeat(False)))
        and not any(map(getattr, tensors, repeat("_is_flat_param"), repeat(False)))
        and all(map(Tensor.numel, tensors))
        and all(map(torch.UntypedStorage.nbytes, map(Tensor.untyped_storage, tensors)))
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


def as_real(tensor: Tensor) -> Tensor:
    """Real and imaginary parts of complex numbers along one more axis; any other tensor as it is.

    Examples:
        >>> import torch
        >>> as_real(torch.tensor([1 + 2j])), as_real(torch.ones(1))
        (tensor([[1., 2.]]), tensor([1.]))
    """
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def wide_type(tensor: Tensor) -> torch.dtype:
    """The type to reduce a tensor in: half precisions overflow.

    Examples:
        >>> import torch
        >>> wide_type(torch.ones(1).half()), wide_type(torch.ones(1).double())
        (torch.float32, torch.float64)
    """
    if tensor.is_complex():
        return tensor.dtype
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32
