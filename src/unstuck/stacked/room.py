"""How many members fit into memory at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["TOGETHER", "members_at_once"]

TOGETHER = 64
"""Members whose layers are one operation: with more, an operation would cost no less for each."""

NUMBERS = 64 * 2**20
"""Numbers that the outputs of all layers may have for all of them: 256 MiB in float32, and as much for gradients."""


def members_at_once(model: nn.Module, inputs: Tensor, examples: int) -> int:
    """Members of which each layer can be one operation, by the outputs of all layers.

    Args:
        model: A member; it is called once, in evaluation mode.
        inputs: Some examples.
        examples: Examples of a batch.

    Examples:
        >>> members_at_once(nn.Linear(4, 2), torch.zeros(3, 4), 32)
        64
        >>> members_at_once(nn.Conv2d(3, 64, 3), torch.zeros(1, 3, 224, 224), 8)
        2
    """
    numbers = 0

    def count(module: nn.Module, args: Any, output: Any) -> None:
        nonlocal numbers
        numbers += output.numel() if isinstance(output, Tensor) else 0

    handles = [module.register_forward_hook(count) for module in model.modules() if not list(module.children())]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            model(inputs)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return max(min(NUMBERS * len(inputs) // max(numbers * examples, 1), TOGETHER), 1)
