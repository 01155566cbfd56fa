"""May a graph get a backward pass that the program did not ask for? Only if no code of the program's runs in it."""

from __future__ import annotations

from itertools import islice
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.graph import walk

__all__ = ["HOOKING", "MOST_NODES", "runs_program_code"]

HOOKING: frozenset[Any] = frozenset({Tensor.register_hook, Tensor.retain_grad, Tensor.grad_fn.__get__})  # pyright: ignore
"""Calls after which an extra backward pass might run code of the program's, or leave a gradient behind."""

MOST_NODES = 5_000


def runs_program_code(output: Tensor) -> bool:
    """Whether what a graph has saved is unpacked by hooks of the program's, as a checkpoint does, which runs it again.

    Hooks on tensors and nodes cannot be seen in a graph: whoever asks has to watch the calls of :data:`HOOKING`.
    """
    return any(map(_unpacks, islice(walk(output), MOST_NODES)))


def _unpacks(node: Any) -> bool:
    kept = (getattr(node, name) for name in dir(node) if name.startswith("_raw_saved_"))
    parts = (part for value in kept for part in (value if isinstance(value, tuple) else (value,)))
    return any(getattr(part, "unpack_hook", None) is not None for part in parts)
