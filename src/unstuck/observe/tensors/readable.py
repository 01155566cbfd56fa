"""Tensors whose values can be read and computed with, whatever else a program holds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["is_readable", "is_real"]

PLAIN = (Tensor, nn.Parameter, nn.Buffer)


def is_readable(tensor: Tensor) -> bool:
    """Whether a tensor is an ordinary one: dense, with values in this process, of a type that can be computed with.

    Sparse, nested, quantised and fake tensors, and those that hand operations on to others, are not.

    Examples:
        >>> import torch
        >>> is_readable(torch.ones(2)), is_readable(torch.ones(2).to_sparse())
        (True, False)
    """
    return (
        type(tensor) in PLAIN
        and tensor.layout is torch.strided
        and not tensor.is_meta
        and not tensor.is_quantized
        and not tensor.is_nested
    )


def is_real(tensor: Tensor) -> bool:
    """Whether a tensor holds floating-point or complex numbers, which can be learnt, and not integers or booleans."""
    return tensor.is_floating_point() or tensor.is_complex()
