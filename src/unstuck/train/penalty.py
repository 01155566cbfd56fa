"""L1 and L2 regularisation, kept apart from the loss of the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from unstuck.errors import ArgumentError

__all__ = ["Penalty", "add_gradient"]


@dataclass(frozen=True, kw_only=True)
class Penalty:
    r"""What large weights cost beside the loss of the data.

    .. math:: R(w) = \lambda_1 \sum_i |w_i| + \frac{\lambda_2}{2} \sum_i w_i^2, \qquad
        \nabla R = \lambda_1 \operatorname{sign}(w) + \lambda_2 w

    The sums go over weights: parameters of two or more dimensions; biases and norms go free, and frozen weights add a
    constant. The gradient is added before each step to that of the data's loss, which is recorded and reported as it
    is. So with plain SGD :math:`\lambda_2` is its weight decay; Adam and its like divide by the size of the whole
    gradient (AdamW's ``weight_decay`` does not). L1 draws weights to zero, L2 shares a task out among many small ones.

    Args:
        l1: :math:`\lambda_1`, from 0.
        l2: :math:`\lambda_2`, from 0.

    Raises:
        ArgumentError: One is negative or not finite.

    Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), sections 7.1.1 and 7.1.2.

    Examples:
        >>> layer = nn.Linear(2, 1)
        >>> layer.weight.data = torch.tensor([[3.0, -4.0]])
        >>> Penalty(l1=0.5)(layer).item(), Penalty(l2=0.1)(layer).item()
        (3.5, 1.25)
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if not (math.isfinite(value) and value >= 0.0):
                raise ArgumentError(f"{name}={value!r}: a number from 0 is accepted; 0 is no penalty")

    @property
    def on(self) -> bool:
        """Whether it costs anything."""
        return self.l1 > 0.0 or self.l2 > 0.0

    def __call__(self, model: nn.Module) -> Tensor:
        """R(w), a scalar with a gradient."""
        total = torch.zeros((), device=next((p.device for p in model.parameters()), None))
        for weight in _weights(model):
            total = total + self.l1 * weight.abs().sum() + 0.5 * self.l2 * weight.square().sum()
        return total

    def attach(self, model: nn.Module, optimizer: Optimizer) -> RemovableHandle:
        """Add the gradient before each step of an optimizer, until the handle is removed.

        Not for an optimizer that computes gradients within its step, such as L-BFGS.
        """

        def before_step(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            with torch.no_grad():
                for weight in _weights(model):
                    if weight.grad is not None:
                        add_gradient(weight, weight.grad, l1=self.l1, l2=self.l2)

        return optimizer.register_step_pre_hook(before_step)


def add_gradient(weight: Tensor, gradient: Tensor, *, l1: Tensor | float, l2: Tensor | float) -> None:
    r"""Add the gradient of R(w) to that of the loss.

    Args:
        weight: The weights.
        gradient: Changed in place.
        l1: :math:`\lambda_1`, one number or one for each of stacked weights.
        l2: :math:`\lambda_2`, likewise.
    """
    if isinstance(l2, Tensor) or l2:
        gradient.add_(weight * l2)
    if isinstance(l1, Tensor) or l1:
        gradient.add_(weight.sign() * l1)


def _weights(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.ndim >= 2]
