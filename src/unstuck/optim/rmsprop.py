"""RMSprop: divide by the recent size of the gradient."""

from __future__ import annotations

from typing import Any, ClassVar

from unstuck.optim import torch_steps
from unstuck.optim.arguments import NOT_NEGATIVE, UNIT, Accepted
from unstuck.optim.arithmetic import maximum, sqrt
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine
from unstuck.optim.torch_steps import TorchFunction

__all__ = ["RMSprop"]


class RMSprop(ObservedOptimizer):
    r"""Divide each gradient by a running root mean square of its recent values.

    .. math::
        s_t = \rho s_{t-1} + (1 - \rho) g_t^2, \qquad
        w_t = w_{t-1} - \eta\, g_t / (\sqrt{s_t} + \epsilon)

    ``centered`` subtracts the square of a running mean of the gradient from :math:`s_t`, which leaves its variance.
    With momentum the quotients are summed up, :math:`b_t = \mu b_{t-1} + g_t / (\sqrt{s_t} + \epsilon)`, and the step
    is :math:`\eta b_t`.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        alpha: rho, the share of the past that the mean keeps, at least 0 and below 1.
        eps: Added to the root, at least 0.
        weight_decay: Adds ``weight_decay * w`` to the gradient.
        momentum: mu, at least 0.
        centered: Divide by the standard deviation instead.
        capturable: Keep the step count on the parameter's device; served by plain torch.
        foreach: Accepted as in torch, unused.
        maximize: Climb instead of descend.
        differentiable: Let autograd differentiate through the step.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Sources: Hinton, "Neural Networks for Machine Learning", lecture 6e (2012); Graves, "Generating sequences with
    recurrent neural networks" (2013), equations 38 to 45, for the centered form.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = RMSprop([w], lr=0.01)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.9
    """

    state_names = ("square_avg", "momentum_buffer", "grad_avg")
    average = "grad_avg"
    accepted: ClassVar[Accepted] = {
        "lr": NOT_NEGATIVE, "alpha": UNIT, "eps": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE, "momentum": NOT_NEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        *,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)

    @staticmethod
    def update(w: Any, g: Any, s: Any, b: Any, mean: Any, lr: Any, rho: Any, eps: Any, momentum: Any) -> Any:
        """One step; ``b`` is None without momentum, ``mean`` unless centered."""
        s = rho * s + (1 - rho) * g * g
        if mean is None:
            size = sqrt(s) + eps
        else:
            mean = rho * mean + (1 - rho) * g
            size = sqrt(maximum(s - mean * mean, 0.0)) + eps  # rounding takes a variance of nothing below zero
        if b is None:
            return w - lr * g / size, s, None, mean
        b = momentum * b + g / size
        return w - lr * b, s, b, mean

    def numbers(self, group: Group) -> dict[str, Any]:
        """Decay of the mean square, epsilon, momentum."""
        return {"rho": group["alpha"], "eps": group["eps"], "momentum": group["momentum"]}

    def kept_states(self, group: Group) -> tuple[str, ...]:
        """The mean square, and what momentum and centring need."""
        wanted = {"square_avg": True, "momentum_buffer": group["momentum"] > 0, "grad_avg": group["centered"]}
        return tuple(name for name in self.state_names if wanted[name])

    def torch_step(self, group: Group) -> TorchFunction | None:
        """Torch has the same formula, but takes the root of a centred mean below zero, which is NaN."""
        return None if group["centered"] else torch_steps.rmsprop
