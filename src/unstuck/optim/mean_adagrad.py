"""Adagrad by the mean: a rate for each weight that follows the size of all its gradients."""

from __future__ import annotations

from typing import Any, ClassVar

from unstuck.optim.arguments import NOT_NEGATIVE, Accepted
from unstuck.optim.arithmetic import sqrt
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine

__all__ = ["MeanAdagrad"]


class MeanAdagrad(ObservedOptimizer):
    r"""Divide each gradient by the root of the mean of its squares so far.

    .. math::
        s_t = s_{t-1} + g_t^2, \qquad
        w_t = w_{t-1} - \frac{\eta}{1 + (t - 1) \lambda}\, \frac{g_t}{\sqrt{s_t / t} + \epsilon}

    This is the form in which lectures introduce a rate for each weight. It is ``Adagrad`` without the decay of the
    rate as :math:`1 / \sqrt t` that hides in a sum, and shows what that decay is good for: along a narrow valley the
    gradients across it are small for a long time, their mean shrinks, the steps across it grow, and at last the weight
    is thrown out of the valley, again and again. Large gradients then enter the mean, which calms it. A rate that
    decays, by ``lr_decay`` or a schedule such as ``InverseTimeLR``, cures it; ``Adagrad`` cannot burst so.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        lr_decay: lambda, at least 0.
        weight_decay: Adds ``weight_decay * w`` to the gradient.
        eps: Added to the root, at least 0.
        maximize: Climb instead of descend.
        differentiable: Let autograd differentiate through the step.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Source: H. Lee, "Machine Learning", lecture "Error surface is rugged: automatic adjustment of the learning rate"
    (National Taiwan University, 2021).

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = MeanAdagrad([w], lr=0.1)
        >>> for _ in range(2):
        ...     w.grad = torch.tensor([2.0])
        ...     optimizer.step()
        >>> round(w.item(), 4)
        0.8
    """

    state_names = ("sum",)
    accepted: ClassVar[Accepted] = {
        "lr": NOT_NEGATIVE, "lr_decay": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE, "eps": NOT_NEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)

    @staticmethod
    def update(w: Any, g: Any, s: Any, t: Any, lr: Any, lr_decay: Any, eps: Any) -> Any:
        """One step, the t-th."""
        s = s + g * g
        return w - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s / t) + eps), s

    def numbers(self, group: Group) -> dict[str, Any]:
        """Decay of the rate, and epsilon."""
        return {"lr_decay": group["lr_decay"], "eps": group["eps"]}
