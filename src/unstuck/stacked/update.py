"""The step of an optimizer on stacked parameters, with numbers of each member's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.optim import LookAheadNesterov
from unstuck.optim.optimizer import Group, ObservedOptimizer
from unstuck.optim.row import scalar, step_dtype
from unstuck.optim.rule import Rule
from unstuck.stacked.errors import CannotStackError
from unstuck.stacked.kernel import KernelStep, serves

__all__ = ["Update", "require_one_method"]


def require_one_method(optimizers: Sequence[ObservedOptimizer]) -> None:
    """Refuse optimizers that differ in more than numbers.

    Raises:
        CannotStackError: It names what differs.
    """
    first = optimizers[0]
    for number, other in enumerate(optimizers):
        if isinstance(other, LookAheadNesterov):
            raise CannotStackError("look-ahead-nesterov moves the weights before each gradient; 'nesterov' stacks")
        if type(other) is not type(first):
            kinds = f"{type(first).__name__} and {type(other).__name__}"
            raise CannotStackError(f"members 0 and {number} differ in their optimizer: {kinds}")
        if any(float(kept.get("step", 1)) > 0 for kept in other.state.values()):
            raise CannotStackError(f"the optimizer of member {number} has made steps before; fresh ones stack")
        if len(other.param_groups) != len(first.param_groups):
            raise CannotStackError(f"members 0 and {number} differ in the number of parameter groups")
        for mine, theirs in zip(first.param_groups, other.param_groups, strict=True):
            for key in mine:
                if key not in (*first.accepted, "params", "initial_lr") and mine[key] != theirs.get(key):
                    raise CannotStackError(
                        f"members 0 and {number} differ in the optimizer's {key}: {mine[key]!r} and {theirs.get(key)!r}"
                    )


class Update:
    """The step of the parameters of one group.

    Args:
        methods: An optimizer for each member.
        group: The number of the group.
        parameters: Its parameters, each (M, ...) and contiguous.
    """

    def __init__(self, methods: Sequence[ObservedOptimizer], group: int, parameters: Sequence[Tensor]) -> None:
        self._methods, self._group = list(methods), group
        self.parameters = list(parameters)
        self.steps = 0
        self.rule = _widest(methods, group)
        self.buffers = [
            [self._initial(name, parameter.detach()) for name in self.rule.kept] for parameter in parameters
        ]
        self._kernel: KernelStep | None = None
        self._given: list[list[Any]] = []
        self._numbers: list[NDArray[np.float64]] = []
        self._prepare()

    def _prepare(self) -> None:
        self._kernel = KernelStep(self.rule, self.parameters, self.buffers) if serves(self.parameters) else None

    def _initial(self, name: str, parameter: Tensor) -> Tensor:
        made = [m.initial_state(name, x, g) for m, x, g in zip(self._methods, parameter, self._groups, strict=True)]
        return torch.stack(made)

    @property
    def _groups(self) -> list[Group]:
        return [method.param_groups[self._group] for method in self._methods]

    def run(self) -> None:
        """Take the step of all members."""
        self.steps += 1
        self._read_numbers()
        if self._kernel:
            self._kernel.run(self.steps, self._numbers)
            return
        with torch.no_grad():
            for parameter, buffers in zip(self.parameters, self.buffers, strict=True):
                if parameter.grad is not None:
                    self._by_formula(parameter, buffers)

    def _read_numbers(self) -> None:
        """Take over the rule's arguments after the step count, for each member, where schedules have changed them."""
        method, groups = self._methods[0], self._groups
        given = [[group[name] for group in groups] for name in method.accepted]
        if given == self._given:
            return
        self._given = given
        rows = [[group["lr"], group["weight_decay"], *method.numbers(group).values()] for group in groups]
        self._numbers = [np.array([scalar(x) for x in column], np.float64) for column in zip(*rows, strict=True)]

    def _by_formula(self, parameter: Tensor, buffers: Sequence[Tensor]) -> None:
        assert parameter.grad is not None, "those without are left out before"
        shape = (-1, *(1 for _ in parameter.shape[1:]))
        columns = (torch.from_numpy(column).to(parameter.device).view(shape) for column in self._numbers)
        constants: Mapping[str, Any] = dict(zip(self.rule.arguments, (self.steps, *columns), strict=True))
        given = iter(buffers)
        states = [None if name is None else next(given) for name in self.rule.states]
        results = [x for x in self.rule((parameter, parameter.grad, *states), constants) if x is not None]
        for target, result in zip((parameter, *buffers), results, strict=True):
            target.copy_(result)

    def keep(self, positions: Sequence[int], parameters: Sequence[Tensor]) -> None:
        """Go on with some of the members, whose parameters are given."""
        self._methods, self._given = [self._methods[k] for k in positions], []
        self.parameters = list(parameters)
        self.buffers = [[buffer[list(positions)] for buffer in own] for own in self.buffers]
        self._prepare()

    def hand_back(self, position: int) -> None:
        """Write a member's running values into its own optimizer, which can then go on alone."""
        method = self._methods[position]
        group = method.param_groups[self._group]
        kept = method.rule(group).kept
        learning = [p for p in cast("list[Tensor]", group["params"]) if p.requires_grad]
        for parameter, buffers in zip(learning, self.buffers, strict=True):
            state: dict[str, Any] = {"step": torch.tensor(float(self.steps), dtype=step_dtype())}
            state = state if method.counts_steps else {}
            named = zip(self.rule.kept, buffers, strict=True)
            state |= {name: buffer[position].clone() for name, buffer in named if name in kept}
            if state and self.steps:
                method.state[parameter] = state


def _widest(methods: Sequence[ObservedOptimizer], group: int) -> Rule:
    """The rule with every term and buffer that some member needs; a number of 0 leaves the others' out of it."""
    rules = [method.rule(method.param_groups[group]) for method in methods]
    widest = max(rules, key=lambda rule: (len(rule.kept), rule.decay != "none"))
    decay = next((rule.decay for rule in rules if rule.decay != "none"), "none")
    if any(set(rule.kept) - set(widest.kept) or rule.decay not in ("none", decay) for rule in rules):
        raise CannotStackError("the optimizers differ in what they keep or in how their weight decay acts")
    return replace(widest, decay=decay, torch_step=None)
