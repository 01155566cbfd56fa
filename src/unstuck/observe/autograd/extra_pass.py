"""May a graph get a backward pass that the program did not ask for? Only if no code of the program's runs in it."""

from __future__ import annotations

from itertools import islice
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.graph import walk

__all__ = ["CHECKPOINTS", "HOOKING", "MOST_NODES", "is_checkpoint", "reruns", "runs_program_code"]

HOOKING: frozenset[Any] = frozenset({Tensor.register_hook, Tensor.retain_grad, Tensor.grad_fn.__get__})  # pyright: ignore
"""Calls after which an extra backward pass might run code of the program's, or leave a gradient behind."""

MOST_NODES = 5_000

CHECKPOINTS = (
    "to ask would run the program's code once more, for it uses activation checkpoints or hooks on saved tensors; "
    "masks are judged by what attention is seen to be given"
)
"""Why nothing is asked of a graph, in words."""

RERUNS = "torch.utils.checkpoint"


def runs_program_code(output: Tensor) -> bool:
    """Whether what a graph has saved is unpacked by hooks of the program's, as a checkpoint does, which runs it again.

    Hooks on tensors and nodes cannot be seen in a graph: whoever asks has to watch the calls of :data:`HOOKING`.
    """
    return any(map(reruns, islice(walk(output), MOST_NODES)))


def is_checkpoint(function: type[Any]) -> bool:
    """Whether an autograd function is that of a reentrant checkpoint."""
    return function.__module__.startswith(RERUNS)


def reruns(node: Any) -> bool:
    """Whether a node runs code of the program's: it is a reentrant checkpoint, or hooks unpack what it has saved."""
    function = getattr(type(node), "_forward_cls", None)
    if function is not None and is_checkpoint(function):
        return True
    kept = (getattr(node, name) for name in dir(node) if name.startswith("_raw_saved_"))
    parts = (part for value in kept for part in (value if isinstance(value, tuple) else (value,)))
    return any(getattr(part, "unpack_hook", None) is not None for part in parts)
