"""Gradients multiplied by a constant, at unchanged losses."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.torch_hooks.aside import thread
from unstuck.remedies.interventions import Run, around_backward, patched

__all__ = ["scaled_gradients"]


@contextmanager
def scaled_gradients(factor: Callable[[], float]) -> Generator[None]:
    """Multiply the gradients of every backward pass, and leave the losses what they are.

    Gradients that are differentiated in turn, as a penalty on them is, are left alone.
    """

    def backward(run: Run, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        scale = factor()
        if scale == 1.0:
            return run(*args, **kwargs)
        tensors, gradients, rest = _split(args, kwargs)
        return run(tensors, _scaled(tensors, gradients, scale), *rest, **kwargs)

    def around_grad(run: Run) -> Run:
        def changed(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("create_graph") or len(args) > 4 or thread.telling:
                return run(*args, **kwargs)
            gradients, scale = run(*args, **kwargs), factor()
            return tuple(gradient if gradient is None or scale == 1.0 else gradient * scale for gradient in gradients)

        return changed

    with around_backward(backward), patched(torch.autograd, "grad", around_grad):
        yield


def _split(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, tuple[Any, ...]]:
    """What is differentiated, the gradients that are handed to it, and the rest; named ones are taken out."""
    tensors = args[0] if args else kwargs.pop("tensors")
    gradients = args[1] if len(args) > 1 else kwargs.pop("grad_tensors", None)
    return tensors, gradients, args[2:]


def _scaled(tensors: Any, gradients: Any, factor: float) -> Any:
    roots: Sequence[Tensor] = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    given: Sequence[Any] = (gradients,) if gradients is None or isinstance(gradients, Tensor) else tuple(gradients)
    if len(given) < len(roots):
        given = (*given, *[None] * (len(roots) - len(given)))
    return [
        torch.full_like(root, factor) if gradient is None else gradient * factor
        for root, gradient in zip(roots, given, strict=True)
    ]
