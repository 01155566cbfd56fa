"""AdamW: Adam with weight decay applied to the weights."""

from __future__ import annotations

from typing import Any

from unstuck.optim.adam import Adam
from unstuck.optim.optimizer import Group
from unstuck.optim.plan import Engine
from unstuck.optim.rule import Decay

__all__ = ["AdamW"]


class AdamW(Adam):
    r"""Shrink the weights by :math:`1 - \eta \lambda`, then step as ``Adam`` does.

    In ``Adam``, weight decay goes through the division by :math:`\sqrt{\hat v}`, so that weights with large gradients
    decay less. Here all weights decay alike, and the best decay no longer depends on the rate so much.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        betas: Shares of the past that the two running means keep, each at least 0 and below 1.
        eps: Added to the root, at least 0.
        weight_decay: lambda, at least 0.
        amsgrad: Never let the denominator shrink.
        maximize: Climb instead of descend.
        foreach: Accepted as in torch, unused.
        capturable: Keep the step count on the parameter's device; served by plain torch.
        differentiable: Let autograd differentiate through the step.
        fused: Accepted as in torch, unused.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.85
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True, engine=engine, observe=observe,
        )  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True

    def decay(self, group: Group) -> Decay:
        """On the weights, whatever a group says."""
        return "decoupled"
