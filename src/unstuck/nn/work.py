"""The multiply-adds of whatever a model computes, by PyTorch's own counter."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode

__all__ = ["counting", "own_work"]


@contextmanager
def counting() -> Generator[FlopCounterMode]:
    """Count within it; attention takes the way whose products the counter sees."""
    from torch.utils.flop_counter import FlopCounterMode  # imports Triton, which takes long

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel([SDPBackend.MATH]), FlopCounterMode(display=False) as counter:
            yield counter
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def own_work(counter: FlopCounterMode, model: nn.Module, *, examples: int) -> dict[str, int]:
    """The multiply-adds for an example that each module makes itself, outside of the modules within it.

    Args:
        counter: What counted while the model ran once.
        model: The model.
        examples: Examples that it ran on.

    Returns:
        By the names of ``model.named_modules()``; a module that makes none, or only such as the counter does not know
        (those of recurrent layers), is left out.
    """
    # The counter's own class for the root, then the names of the modules; it counts a product and its sum as two.
    root = type(model).__name__
    total = {
        name.removeprefix(root).removeprefix("."): sum(by_operation.values()) // (2 * examples)
        for name, by_operation in counter.get_flop_counts().items()
        if name == root or name.startswith(f"{root}.")
    }
    own: dict[str, int] = {}
    for name, module in model.named_modules():
        prefix = f"{name}." if name else ""
        within = sum(_work(child, f"{prefix}{key}", total) for key, child in module.named_children())
        if (rest := total.get(name, 0) - within) > 0:
            own[name] = rest
    return own


def _work(module: nn.Module, name: str, total: dict[str, int]) -> int:
    """All work of a module; of one that is never called itself, such as a list of layers, that of its parts."""
    if name in total:
        return total[name]
    return sum(_work(child, f"{name}.{key}", total) for key, child in module.named_children())
