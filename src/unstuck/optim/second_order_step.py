"""What the second-order methods share: a closure with a graph, damping that adapts, a line search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.optim.arguments import Accepted, check_group, check_parameters
from unstuck.second_order import Hessian

__all__ = ["Direction", "Problem", "SecondOrderOptimizer"]

HALVINGS = 25
"""Times that the line search halves a step before it gives up."""
SUFFICIENT = 1e-4
"""Share of the fall that the gradient promises, which a step has to bring (Armijo's rule)."""
RAISED, LOWERED = 1.5, 2.0 / 3.0
"""Factors of the damping where the quadratic model promised too much, and where it kept its promise."""
STUCK = 10.0
"""Factor of the damping where no step along the direction lowers the loss."""

NO_BACKWARD = (
    "closure: a function is accepted that returns the loss with its graph, or (loss, outputs), and leaves backward() "
    "to the optimizer"
)


class Problem(NamedTuple):
    """A loss at the weights, ready to be differentiated twice.

    Attributes:
        loss: A scalar with its graph.
        outputs: The model's outputs in that graph, where the closure returns them.
        weights: The parameters that move.
        hessian: The Hessian by these, and the gradient.
    """

    loss: Tensor
    outputs: Tensor | None
    weights: list[Tensor]
    hessian: Hessian


class Direction(NamedTuple):
    """A step in the row of all weights.

    Attributes:
        step: The step.
        promised: The change of the loss that the undamped quadratic model promises for it.
    """

    step: Tensor
    promised: float


class SecondOrderOptimizer(Optimizer):
    """An optimizer whose step asks a closure for the loss, with its graph, and differentiates it by itself.

    A method is a subclass that finds a direction. Before each step the closure is called once, without ``backward()``;
    in the line search it is called again, without gradients, so that it has to give the same loss at the same weights:
    one batch a step, and no dropout. ``damping`` stands in each parameter group and adapts.
    """

    accepted: ClassVar[Accepted]  #: the numbers of a group and their ranges

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        check_group(defaults, self.accepted, where="")
        super().__init__(check_parameters(params), defaults)

    def direction(self, problem: Problem, damping: float) -> Direction:
        """The step that the method takes at a damping."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step.

        Args:
            closure: Returns the loss with its graph, or a pair of that and the model's outputs.

        Returns:
            The loss before the step.

        Raises:
            ArgumentError: There is no closure, or it returns something else.
        """
        if closure is None:
            raise ArgumentError(f"{NO_BACKWARD}; received none: call step(closure)")
        with torch.enable_grad():
            loss, outputs = _returned(closure())
        rates = [(p, float(group["lr"])) for group in self.param_groups for p in group["params"]]
        moving = [(p, rate) for p, rate in rates if rate > 0.0 and p.requires_grad and p.numel()]
        if not moving:
            return loss.detach()
        weights = [p for p, _ in moving]
        try:
            hessian = Hessian(loss, weights)
            if not bool(torch.isfinite(hessian.gradient).all()):
                return loss.detach()  # nothing can be said of where to go
            problem = Problem(loss, outputs, weights, hessian)
            found = self.direction(problem, float(self.param_groups[0]["damping"]))
        except RuntimeError as error:
            if "backward through the graph a second time" in str(error):
                raise ArgumentError(f"{NO_BACKWARD}; received one that calls it") from error
            raise
        self._move(closure, problem, found, [rate for _, rate in moving])
        return loss.detach()

    @torch.no_grad()
    def _move(self, closure: Callable[[], Any], problem: Problem, found: Direction, rates: list[float]) -> None:
        """Search along the direction, and adapt the damping to how well the model foretold the full step."""
        weights = problem.weights
        before = [w.detach().clone() for w in weights]
        parts = found.step.split([w.numel() for w in weights])
        steps = [(rate * part).reshape(w.shape).to(w) for w, part, rate in zip(weights, parts, rates, strict=True)]
        rows = problem.hessian.gradient.split([w.numel() for w in weights])
        slope = sum(float(g.double() @ s.double().reshape(-1)) for g, s in zip(rows, steps, strict=True))
        start, length = float(problem.loss.detach()), 1.0
        for halving in range(HALVINGS):
            for w, origin, step in zip(weights, before, steps, strict=True):
                w.copy_(origin + length * step)
            change = float(_returned(closure())[0]) - start
            if halving == 0:
                self._adapt(change / found.promised if found.promised < 0.0 else 0.0)
            if math.isfinite(change) and change <= SUFFICIENT * length * slope:
                return
            length /= 2.0
        for w, origin in zip(weights, before, strict=True):
            w.copy_(origin)
        self._damp(STUCK)

    def _adapt(self, kept: float) -> None:
        if not kept >= 0.25:
            self._damp(RAISED)
        elif kept > 0.75:
            self._damp(LOWERED)

    def _damp(self, factor: float) -> None:
        for group in self.param_groups:
            group["damping"] *= factor


def _returned(value: Any) -> tuple[Tensor, Tensor | None]:
    given = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
    loss, outputs = given[0], given[1] if len(given) == 2 else None
    tensors = isinstance(loss, Tensor) and (outputs is None or isinstance(outputs, Tensor))
    if not tensors or len(given) > 2 or loss.numel() != 1 or (torch.is_grad_enabled() and not loss.requires_grad):
        raise ArgumentError(f"{NO_BACKWARD}; received {_told(value)}")
    return loss.reshape(()), outputs


def _told(value: object) -> str:
    if isinstance(value, Tensor):
        graph = "with" if value.requires_grad else "without"
        return f"a tensor of {value.numel()} elements {graph} a graph"
    return f"{type(value).__name__}"
