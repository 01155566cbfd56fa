"""Tensors whose values are spread over several processes, each of which holds a part."""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["is_distributed", "is_sharded", "values_here"]


def is_distributed(tensor: Tensor) -> bool:
    """Whether a tensor is a ``DTensor``, as FSDP2 and tensor parallelism make of parameters."""
    return hasattr(tensor, "placements")


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds a part of its values only."""
    placements: Any = getattr(tensor, "placements", None)
    if placements is None:
        return False
    mesh: Any = getattr(tensor, "device_mesh", None)
    sizes = [mesh.size(dimension) for dimension in range(mesh.ndim)]
    return any(size > 1 and not placement.is_replicate() for size, placement in zip(sizes, placements, strict=True))


def values_here(tensor: Tensor) -> Tensor:
    """The values on this process, without autograd: all of them, unless the tensor is sharded."""
    tensor = tensor.detach()
    to_local = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()
