"""Adagrad: a rate for each weight that falls with all the gradients it has seen."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from unstuck.optim import torch_steps
from unstuck.optim.arguments import NOT_NEGATIVE, Accepted
from unstuck.optim.arithmetic import sqrt
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine
from unstuck.optim.torch_steps import TorchFunction

__all__ = ["Adagrad"]


class Adagrad(ObservedOptimizer):
    r"""Divide each gradient by the root of the sum of its squares so far.

    .. math::
        s_t = s_{t-1} + g_t^2, \qquad
        w_t = w_{t-1} - \frac{\eta}{1 + (t - 1) \lambda}\, \frac{g_t}{\sqrt{s_t} + \epsilon}

    Rare features get large steps and frequent ones small steps; since the sum only grows, all steps shrink.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        lr_decay: lambda, at least 0.
        weight_decay: Adds ``weight_decay * w`` to the gradient.
        initial_accumulator_value: Where the sum starts.
        eps: Added to the root, at least 0.
        foreach: Accepted as in torch, unused.
        maximize: Climb instead of descend.
        differentiable: Let autograd differentiate through the step.
        fused: Accepted as in torch, unused.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization"
    (2011), figure 1 with a diagonal matrix.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = Adagrad([w], lr=0.1)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.9
    """

    state_names = ("sum",)
    takes_sparse = True
    accepted: ClassVar[Accepted] = {
        "lr": NOT_NEGATIVE, "lr_decay": NOT_NEGATIVE, "weight_decay": NOT_NEGATIVE,
        "initial_accumulator_value": NOT_NEGATIVE, "eps": NOT_NEGATIVE,
    }  # fmt: skip

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)
        for group in self.param_groups:  # torch fills this state at once too, so that it can be shared
            for param in group["params"]:
                self.fill_state(param, group)

    @staticmethod
    def update(w: Any, g: Any, s: Any, t: Any, lr: Any, lr_decay: Any, eps: Any) -> Any:
        """One step, the t-th."""
        s = s + g * g
        return w - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps), s

    def numbers(self, group: Group) -> dict[str, Any]:
        """Decay of the rate, and epsilon."""
        return {"lr_decay": group["lr_decay"], "eps": group["eps"]}

    def initial_state(self, name: str, param: torch.Tensor, group: Group) -> torch.Tensor:
        """The sum before the first step; both parts of a complex one."""
        start: Any = group["initial_accumulator_value"]
        start = complex(start, start) if param.is_complex() else start
        return torch.full_like(param, start, memory_format=torch.preserve_format)

    def share_memory(self) -> None:
        """Move the sums to memory that other processes see, for training from several processes at once."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def torch_step(self, group: Group) -> TorchFunction | None:
        """Torch has the same formula."""
        return torch_steps.adagrad
