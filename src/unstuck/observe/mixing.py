"""Does one example's output depend on the other examples of its batch?"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from unstuck.record import facts

__all__ = ["mixing_share"]

_BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]


def mixing_share(first: Tensor, output: Tensor, *, modules: Iterable[nn.Module], step: int) -> facts.BatchMixing | None:
    r"""Differentiate the first example's output with respect to the first activations of the whole batch.

    .. math::
        \text{share} =
        \frac{\lVert \partial y_1 / \partial a_{2..N} \rVert}{\lVert \partial y_1 / \partial a_{1..N} \rVert}

    The extra backward pass goes through the graph that is there; it leaves the graph and every ``.grad`` as they were.

    Args:
        first: The first activation, of shape (N, ...), part of the output's graph.
        output: The output, of shape (N, ...).
        modules: The modules of the model; a batch norm in training mode mixes by design.
        step: The training step.

    Returns:
        The share; None where the examples are not the first dimension of both, or mixing is by design.
    """
    if any(isinstance(module, _BatchNorm) and module.training for module in modules):
        return None
    if first.dim() < 2 or output.dim() < 1 or len(first) != len(output) or len(first) < 2 or not output.requires_grad:
        return None
    try:
        (gradient,) = torch.autograd.grad([output[0].sum()], [first], retain_graph=True, allow_unused=True)
    except RuntimeError:
        # The user's own autograd functions need not support a second pass.
        return None
    if gradient is None:  # pyright: ignore[reportUnnecessaryComparison]  # allow_unused
        return None
    per_example = gradient.detach().reshape(len(gradient), -1).float().square().sum(dim=1)
    total = float(per_example.sum())
    if total == 0.0:
        return None
    return facts.BatchMixing(step=step, share=float((per_example[1:].sum() / total).sqrt()))
