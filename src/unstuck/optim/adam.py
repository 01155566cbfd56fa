"""Adam: momentum and a rate for each weight, both corrected for their start at zero."""

from __future__ import annotations

from typing import Any, ClassVar

from unstuck.optim import torch_steps
from unstuck.optim.arguments import NOT_NEGATIVE, UNIT, Accepted, check_tensors
from unstuck.optim.arithmetic import maximum, sqrt
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine
from unstuck.optim.rule import Decay
from unstuck.optim.torch_steps import TorchFunction

__all__ = ["Adam"]


class Adam(ObservedOptimizer):
    r"""Divide a running mean of the gradient by the root of a running mean of its square.

    .. math::
        m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2

    .. math::
        \hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
        w_t = w_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}

    Both means start at zero; dividing by :math:`1 - \beta^t` makes up for it. With ``amsgrad`` the largest
    :math:`v` so far takes the place of :math:`v`.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0; a tensor of one element is read anew each step, but not with ``foreach=True``
            unless ``capturable``, as under torch.
        betas: Shares of the past that the two running means keep, each at least 0 and below 1; both numbers, or both
            tensors where the rate may be one.
        eps: Added to the root, at least 0.
        weight_decay: Adds ``weight_decay * w`` to the gradient.
        amsgrad: Never let the denominator shrink.
        foreach: Accepted as in torch, unused.
        maximize: Climb instead of descend.
        capturable: Keep the step count on the parameter's device; served by plain torch.
        differentiable: Let autograd differentiate through the step.
        fused: Accepted as in torch, unused.
        decoupled_weight_decay: Shrink the weights instead, as ``AdamW`` does.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Sources: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1; Reddi, Kale and Kumar,
    "On the convergence of Adam and beyond" (2018), algorithm 2, for amsgrad.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = Adam([w], lr=0.1)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.9
    """

    state_names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    average = "exp_avg"
    accepted: ClassVar[Accepted] = {
        "lr": NOT_NEGATIVE,
        "betas": (UNIT, UNIT),
        "eps": NOT_NEGATIVE,
        "weight_decay": NOT_NEGATIVE,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)

    def check_options(self, group: Group, *, where: str) -> None:
        """The ranges, and where torch's Adam takes tensors."""
        super().check_options(group, where=where)
        check_tensors(group, where=where)

    @staticmethod
    def update(w: Any, g: Any, m: Any, v: Any, peak: Any, t: Any, lr: Any, beta1: Any, beta2: Any, eps: Any) -> Any:
        """One step; ``peak`` is None without amsgrad."""
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        if peak is not None:
            peak = maximum(peak, v)
        m_hat = m / (1 - beta1**t)
        v_hat = (v if peak is None else peak) / (1 - beta2**t)
        return w - lr * m_hat / (sqrt(v_hat) + eps), m, v, peak

    def numbers(self, group: Group) -> dict[str, Any]:
        """The two betas and epsilon."""
        beta1, beta2 = group["betas"]
        return {"beta1": beta1, "beta2": beta2, "eps": group["eps"]}

    def kept_states(self, group: Group) -> tuple[str, ...]:
        """Two means, and with amsgrad the largest second one."""
        return self.state_names if group["amsgrad"] else self.state_names[:2]

    def decay(self, group: Group) -> Decay:
        """On the weights if decoupled, else on the gradient."""
        if group["decoupled_weight_decay"]:
            return "decoupled"
        return "coupled" if group["weight_decay"] != 0 else "none"

    def torch_step(self, group: Group) -> TorchFunction | None:
        """Torch has the same formula."""
        return torch_steps.adam
