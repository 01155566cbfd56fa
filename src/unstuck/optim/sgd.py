"""Stochastic gradient descent, with momentum as torch defines it."""

from __future__ import annotations

from typing import Any, ClassVar

from unstuck.errors import ArgumentError
from unstuck.optim import torch_steps
from unstuck.optim.arguments import NOT_NEGATIVE, Accepted
from unstuck.optim.arithmetic import where
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine
from unstuck.optim.torch_steps import TorchFunction

__all__ = ["SGD"]


class SGD(ObservedOptimizer):
    r"""Step against the gradient, or against a decaying sum of gradients.

    .. math::
        b_t = \mu b_{t-1} + (1 - \tau) g_t, \qquad
        w_t = w_{t-1} - \eta \cdot \begin{cases} g_t & \mu = 0 \\ b_t & \text{momentum} \\
        g_t + \mu b_t & \text{nesterov} \end{cases}

    with :math:`b_1 = g_1`. Whether g comes from one example, a mini-batch or the whole data set, the rule is the same:
    the batch decides.

    Momentum comes in three conventions, which trace the same path while the rate is constant:

    ==================  ========================================  =================================
    class               buffer and step                           same path as SGD(lr, momentum) if
    ==================  ========================================  =================================
    SGD                 b = mu b + g;             w -= lr b
    Momentum            v = mu v - lr g;          w += v          same lr and momentum
    AveragedMomentum    m = mu m + (1 - mu) g;    w -= lr m       lr is divided by 1 - mu
    ==================  ========================================  =================================

    They differ when the rate changes: in ``SGD`` and ``AveragedMomentum`` a new rate acts at once on the whole buffer;
    in ``Momentum`` the buffer still moves with the rates at which its gradients came. They differ when ``momentum``
    changes: only ``AveragedMomentum`` keeps its step size.

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        momentum: mu, at least 0, and below 1 if the sum is to stay finite; 0 keeps no buffer.
        dampening: tau, at least 0.
        weight_decay: Adds ``weight_decay * w`` to the gradient, at least 0.
        nesterov: Look one momentum step ahead; needs momentum and no dampening.
        maximize: Climb instead of descend.
        foreach: Accepted as in torch, unused.
        differentiable: Let autograd differentiate through the step.
        fused: Accepted as in torch, unused.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Sources: Robbins and Monro, "A stochastic approximation method" (1951); Polyak, "Some methods of speeding up the
    convergence of iteration methods" (1964); Sutskever et al., "On the importance of initialization and momentum in
    deep learning" (2013), section 2, for the form of Nesterov's method.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = SGD([w], lr=0.1)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> w.item()
        0.8
    """

    state_names = ("momentum_buffer",)
    average = "momentum_buffer"
    counts_steps = False
    takes_sparse = True
    accepted: ClassVar[Accepted] = {
        "lr": NOT_NEGATIVE,
        "momentum": NOT_NEGATIVE,
        "dampening": NOT_NEGATIVE,
        "weight_decay": NOT_NEGATIVE,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        if nesterov and (not momentum > 0 or dampening != 0):
            raise ArgumentError(
                f"nesterov: received True with momentum={momentum!r} and dampening={dampening!r}; accepted is a "
                "momentum above 0 without dampening"
            )
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults, engine=engine, observe=observe)

    @staticmethod
    def update(w: Any, g: Any, b: Any, t: Any, lr: Any, momentum: Any, dampening: Any, nesterov: bool) -> Any:
        """One step; ``b`` is None without momentum, ``t`` is 1 at the first step and larger later."""
        if b is None:
            return w - lr * g, None
        b = momentum * b + (1 - where(t > 1, dampening, 0)) * g
        direction = g + momentum * b if nesterov else b
        return w - lr * direction, b

    def numbers(self, group: Group) -> dict[str, Any]:
        """Momentum and dampening."""
        return {"momentum": group["momentum"], "dampening": group["dampening"]}

    def switches(self, group: Group) -> dict[str, bool]:
        """Whether to look ahead."""
        return {"nesterov": bool(group["nesterov"])}

    def kept_states(self, group: Group) -> tuple[str, ...]:
        """The buffer, if there is momentum."""
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def torch_step(self, group: Group) -> TorchFunction | None:
        """Torch has the same formula."""
        return torch_steps.sgd
