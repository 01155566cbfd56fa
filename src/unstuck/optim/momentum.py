"""Momentum in the two conventions that torch does not have."""

from __future__ import annotations

from typing import Any, ClassVar

from unstuck.optim.arguments import NOT_NEGATIVE, UNIT, Accepted
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine

__all__ = ["AveragedMomentum", "Momentum"]


class Momentum(ObservedOptimizer):
    r"""Move with a velocity that gradients push and friction slows down; the rate is inside the velocity.

    .. math::
        v_t = \mu v_{t-1} - \eta g_t, \qquad w_t = w_{t-1} + v_t

    ``SGD`` shows how the three conventions of momentum map onto each other, and when they differ.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        momentum: mu, at least 0 and below 1.
        weight_decay: Adds ``weight_decay * w`` to the gradient.
        maximize: Climb instead of descend.
        differentiable: Let autograd differentiate through the step.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Sources: Polyak, "Some methods of speeding up the convergence of iteration methods" (1964), the heavy ball; in this
    notation, CS231n, "Neural networks part 3: momentum update".

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = Momentum([w], lr=0.1)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (w**2).sum().backward()
        ...     optimizer.step()
        >>> round(w.item(), 4)
        0.46
    """

    state_names = ("velocity",)
    average = None
    counts_steps = False
    accepted: ClassVar[Accepted] = {"lr": NOT_NEGATIVE, "momentum": UNIT, "weight_decay": NOT_NEGATIVE}

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)

    @staticmethod
    def update(w: Any, g: Any, v: Any, lr: Any, momentum: Any) -> Any:
        """One step."""
        v = momentum * v - lr * g
        return w + v, v

    def numbers(self, group: Group) -> dict[str, Any]:
        """The momentum."""
        return {"momentum": group["momentum"]}


class AveragedMomentum(ObservedOptimizer):
    r"""Step against a running mean of the gradient.

    .. math::
        m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad w_t = w_{t-1} - \eta\, m_t

    The mean starts at zero, so the first steps are short. ``SGD`` shows how the three conventions of momentum map onto
    each other, and when they differ.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        momentum: mu, the share of the past that the mean keeps, at least 0 and below 1.
        weight_decay: Adds ``weight_decay * w`` to the gradient.
        maximize: Climb instead of descend.
        differentiable: Let autograd differentiate through the step.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Source: Ng, "Improving deep neural networks", gradient descent with momentum (2017).

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = AveragedMomentum([w], lr=1.0)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.8
    """

    state_names = ("exp_avg",)
    average = "exp_avg"
    counts_steps = False
    accepted: ClassVar[Accepted] = {"lr": NOT_NEGATIVE, "momentum": UNIT, "weight_decay": NOT_NEGATIVE}

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)

    @staticmethod
    def update(w: Any, g: Any, m: Any, lr: Any, momentum: Any) -> Any:
        """One step."""
        m = momentum * m + (1 - momentum) * g
        return w - lr * m, m

    def numbers(self, group: Group) -> dict[str, Any]:
        """The momentum."""
        return {"momentum": group["momentum"]}
