"""Nesterov's momentum, as it was thought of and as it is usually computed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch

from unstuck.optim.arguments import NOT_NEGATIVE, UNIT, Accepted
from unstuck.optim.momentum import Momentum
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.plan import Engine

__all__ = ["LookAheadNesterov", "Nesterov"]


class LookAheadNesterov(ObservedOptimizer):
    r"""Momentum whose gradient is taken where the velocity is about to lead.

    .. math::
        v_t = \mu v_{t-1} - \eta\, \nabla f(x_{t-1} + \mu v_{t-1}), \qquad x_t = x_{t-1} + v_t

    ``step(closure)`` evaluates the closure at the point ahead. A loop without closure says so itself::

        optimizer.zero_grad()
        with optimizer.look_ahead():
            loss_of(model).backward()
        optimizer.step()

    Args:
        params: Parameters, or dicts of parameters with options of their own.
        lr: Learning rate, at least 0.
        momentum: mu, at least 0 and below 1.
        weight_decay: Adds ``weight_decay * w`` to the gradient, w being the point before the look ahead.
        maximize: Climb instead of descend.
        engine: See ``ObservedOptimizer``.
        observe: See ``ObservedOptimizer``.

    Raises:
        ArgumentError: A value is out of range or of the wrong type.

    Source: Nesterov, "A method of solving a convex programming problem with convergence rate O(1/k^2)" (1983), in the
    form of Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), equations 3
    and 4.

    Example:
        >>> import torch
        >>> x = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = LookAheadNesterov([x], lr=0.1)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     with optimizer.look_ahead():
        ...         (x**2).sum().backward()
        ...     optimizer.step()
        >>> round(x.item(), 4)
        0.496
    """

    state_names = ("velocity",)
    counts_steps = False
    accepted: ClassVar[Accepted] = {"lr": NOT_NEGATIVE, "momentum": UNIT, "weight_decay": NOT_NEGATIVE}
    update = Momentum.update
    _looked_ahead = False  #: since the last step
    _warned = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        engine: Engine = "auto",
        observe: bool = False,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults, engine=engine, observe=observe)

    def numbers(self, group: Group) -> dict[str, Any]:
        """The momentum."""
        return {"momentum": group["momentum"]}

    @contextmanager
    def look_ahead(self) -> Generator[None]:
        """Within it, parameters stand at x + mu v; after it, exactly where they stood."""
        self._looked_ahead = True
        moved: list[tuple[torch.Tensor, torch.Tensor]] = []
        with torch.no_grad():
            for group in self.param_groups:
                for param in dict.fromkeys(group["params"]):
                    velocity = self.state[param].get("velocity") if param in self.state else None
                    if velocity is not None:
                        moved.append((param, param.clone()))
                        param.add_(velocity * group["momentum"])
        try:
            yield
        finally:
            with torch.no_grad():
                for param, before in moved:
                    param.copy_(before)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update; a closure is evaluated at the point ahead.

        Warns:
            UserWarning: Once, where there is no closure and gradients came without :meth:`look_ahead`: the step is then
                plain momentum.
        """
        if closure is None:
            self._warn_unless_looked_ahead()
            self._looked_ahead = False
            return super().step()

        def ahead() -> Any:
            with self.look_ahead():
                return closure()

        return super().step(ahead)

    step.hooked = True  # type: ignore[attr-defined]  # the step of the base class calls the hooks

    def _warn_unless_looked_ahead(self) -> None:
        if self._looked_ahead or self._warned:
            return
        if any(param.grad is not None for group in self.param_groups for param in group["params"]):
            self._warned = True
            warnings.warn(
                "LookAheadNesterov.step() got gradients that were not taken ahead, which makes it plain momentum; run "
                "the backward pass within `with optimizer.look_ahead():`, give step() a closure, or take "
                "unstuck.optim.Nesterov, which needs neither",
                UserWarning,
                stacklevel=3,
            )


class Nesterov(ObservedOptimizer):
    r"""Nesterov's momentum for gradients taken at the parameters themselves.

    .. math::
        v_t = \mu v_{t-1} - \eta g_t, \qquad w_t = w_{t-1} - \mu v_{t-1} + (1 + \mu) v_t

    The parameters kept here are the points ahead, :math:`w = x + \mu v`, of ``LookAheadNesterov``: put this into its
    equations and the ones above come out. So both trace the same path, seen from two places, as long as the momentum
    is constant, and the loop needs no look ahead.

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

    Sources: Bengio, Boulanger-Lewandowski and Pascanu, "Advances in optimizing recurrent networks" (2013), section
    3.5; in this notation, CS231n, "Neural networks part 3: Nesterov momentum".

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = Nesterov([w], lr=0.1)
        >>> (w**2).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.62
    """

    state_names = ("velocity",)
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
        previous = v
        v = momentum * v - lr * g
        return w - momentum * previous + (1 + momentum) * v, v

    def numbers(self, group: Group) -> dict[str, Any]:
        """The momentum."""
        return {"momentum": group["momentum"]}
