"""RAdam: Adam that waits until its denominator can be trusted."""

from __future__ import annotations

from typing import Any, ClassVar

from unstuck.optim import torch_steps
from unstuck.optim.arguments import NOT_NEGATIVE, UNIT, Accepted
from unstuck.optim.arithmetic import maximum, sqrt, where
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine
from unstuck.optim.rule import Decay
from unstuck.optim.torch_steps import TorchFunction

__all__ = ["RAdam"]


class RAdam(ObservedOptimizer):
    r"""Adam whose rate is scaled by how well the mean square is known, which warms it up by itself.

    With :math:`\hat m`, :math:`\hat v` as in ``Adam``, :math:`\rho_\infty = 2 / (1 - \beta_2) - 1` and

    .. math::
        \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad
        r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}

    the step is :math:`\eta\, r_t\, \hat m_t / (\sqrt{\hat v_t} + \epsilon')` once :math:`\rho_t > 5`, and
    :math:`\eta\, \hat m_t` before; :math:`\epsilon' = \epsilon / \sqrt{1 - \beta_2^t}`, since epsilon is added to the
    root before it is corrected.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        betas: Shares of the past that the two running means keep, each at least 0 and below 1.
        eps: Added to the root, at least 0.
        weight_decay: Adds ``weight_decay * w`` to the gradient.
        decoupled_weight_decay: Shrink the weights instead, as ``AdamW`` does.
        foreach: Accepted as in torch, unused.
        maximize: Climb instead of descend.
        capturable: Keep the step count on the parameter's device; served by plain torch.
        differentiable: Let autograd differentiate through the step.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020), algorithm 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = RAdam([w], lr=0.1)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.8
    """

    state_names = ("exp_avg", "exp_avg_sq")
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
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)

    @staticmethod
    def update(w: Any, g: Any, m: Any, v: Any, t: Any, lr: Any, beta1: Any, beta2: Any, eps: Any) -> Any:
        """One step, the t-th."""
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat = m / (1 - beta1**t)
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / (1 - beta2**t)
        known, most = maximum(length, 5.0), maximum(longest, 5.0)  # the root stays real where it is not used
        trust = (known - 4) * (known - 2) * longest / ((most - 4) * (most - 2) * known)
        scale = where(length > 5, sqrt(trust * (1 - beta2**t)) / (sqrt(v) + eps), 1.0)
        return w - lr * m_hat * scale, m, v

    def numbers(self, group: Group) -> dict[str, Any]:
        """The two betas and epsilon."""
        beta1, beta2 = group["betas"]
        return {"beta1": beta1, "beta2": beta2, "eps": group["eps"]}

    def decay(self, group: Group) -> Decay:
        """On the weights if decoupled, else on the gradient."""
        if group["decoupled_weight_decay"]:
            return "decoupled"
        return "coupled" if group["weight_decay"] != 0 else "none"

    def torch_step(self, group: Group) -> TorchFunction | None:
        """Torch has the same formula."""
        return torch_steps.radam
