"""Tensors whose values are not, or not all, on this process: which they are, and what this process holds of them.

A training is watched on one of its processes. Nearly every operation on a ``DTensor``, ``==`` and ``.item()`` among
them, may call on all processes that hold a part, and a call that one process makes alone waits for ever. So whatever
measures asks :mod:`.readable` for values, and never computes on the tensor that the program holds.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, cast

from torch import Tensor, distributed, nn
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = [
    "PLAIN",
    "alone",
    "is_awaited",
    "is_distributed",
    "is_flattened",
    "is_sharded",
    "local_only",
    "part_here",
]

PLAIN = (Tensor, nn.Parameter, nn.Buffer)
"""Types that hold their values themselves."""

_BUILT = distributed.is_available()


class LocalOnly(TorchDispatchMode):
    """Refuse every operation on a tensor that several processes hold: an error, where it might wait for ever.

    What measures is correct without it. It turns a fault of ours, which would hang the program, into one that ends the
    watching.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        for kind in types:
            if kind.__name__ in ("DTensor", "AsyncCollectiveTensor"):
                raise RuntimeError(
                    f"{func} of a {kind.__name__}: use values_here(tensor), which is of this process alone"
                )
        return func(*args, **(kwargs or {}))


def local_only() -> contextlib.AbstractContextManager[object]:
    """Within it, operations on tensors that several processes hold raise, unless the program has one process only.

    Examples:
        >>> import torch
        >>> with local_only():
        ...     torch.ones(2).sum()
        tensor(2.)
    """
    return contextlib.nullcontext() if alone() else LocalOnly()


def alone() -> bool:
    """Whether no other process takes part in the program's computations, so that its own code may be run once more."""
    return not (_BUILT and distributed.is_initialized() and distributed.get_world_size() > 1)


def is_distributed(tensor: Tensor) -> bool:
    """Whether several processes hold a tensor together.

    It is a ``DTensor``, as FSDP2 and tensor parallelism make of parameters, or a parameter of FSDP1.
    """
    return _is_dtensor(tensor) or is_flattened(tensor)


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds a part of its values only: a shard of them, or one summand of each."""
    if not _is_dtensor(tensor):
        return is_flattened(tensor)
    return any(not placement.is_replicate() for placement in _placements(tensor))


def is_awaited(tensor: Tensor) -> bool:
    """Whether a tensor is the result of a collective call that the program has made and not waited for yet."""
    held: Any = getattr(tensor, "_local_tensor", tensor)
    return type(held).__name__ == "AsyncCollectiveTensor" and not held.completed


def part_here(tensor: Tensor) -> Tensor | None:
    """The tensor in which one that wraps it keeps what this process holds.

    None of a sum whose summands are on several processes, of a result that is awaited, and of any other tensor.
    """
    held = cast("Any", tensor)
    if _is_dtensor(tensor):
        here = held.device_mesh.get_coordinate() is not None
        return held._local_tensor if here and not any(p.is_partial() for p in _placements(tensor)) else None
    if type(tensor).__name__ == "AsyncCollectiveTensor" and not is_awaited(tensor):
        return held.elem
    return None


def _is_dtensor(tensor: Tensor) -> bool:
    if type(tensor) in PLAIN:
        return False
    kind: Any = getattr(sys.modules.get("torch.distributed.tensor"), "DTensor", None)  # two seconds to import
    return kind is not None and isinstance(tensor, kind)


def is_flattened(tensor: Tensor) -> bool:
    """Whether a tensor is a parameter of FSDP1, or the flat one in which it keeps several."""
    return getattr(tensor, "_fsdp_flattened", False) or getattr(tensor, "_is_flat_param", False)


def _placements(tensor: Tensor) -> list[Any]:
    """How a ``DTensor`` is placed along those dimensions of its mesh that have several processes."""
    mesh, placements = cast("Any", tensor).device_mesh, cast("Any", tensor).placements
    return [placement for dimension, placement in enumerate(placements) if mesh.size(dimension) > 1]
