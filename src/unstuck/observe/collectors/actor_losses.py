"""Networks that learn the value of actions, and which way the loss of an actor moves what they give."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from torch import nn

from unstuck.observe.autograd.belonging import leads
from unstuck.observe.autograd.direction import directions
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.inputs import tensors_of
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts

__all__ = ["VALUED", "ActorLosses", "called_costs", "note_values"]

COST, REWARD = re.compile(r"cost|penalt|regret", re.IGNORECASE), re.compile(r"rew|return", re.IGNORECASE)

MOST_OUTPUTS = 16
"""Outputs of critics that are kept in one step."""

VALUED: weakref.WeakKeyDictionary[nn.Module, bool] = weakref.WeakKeyDictionary()
"""Networks of all trainings that learn rewards with the discounted value of what follows; whether these are costs."""


def note_values(module: nn.Module, *, costs: bool) -> None:
    """A network is trained to give what follows an action.

    Args:
        module: The network.
        costs: Whether what the program calls a cost is added up in place of a reward.

    Examples:
        >>> critic = nn.Linear(2, 1)
        >>> note_values(critic, costs=False)
        >>> critic in VALUED, nn.Linear(2, 1) in VALUED
        (True, False)
    """
    VALUED[module] = costs or VALUED.get(module, False)


def called_costs(names: Iterable[str]) -> bool:
    """Whether one of some variables is called a cost, and none a reward.

    Examples:
        >>> called_costs(["state", "cost"]), called_costs(["cost", "reward"]), called_costs(["r"])
        (True, False, False)
    """
    known = list(names)
    return any(map(COST.search, known)) and not any(map(REWARD.search, known))


class _Value(NamedTuple):
    """What a critic gave."""

    node: Any
    costs: bool
    reached: bool
    file: str | None
    line: int | None


class ActorLosses:
    """Look by which sign the outputs of other trainings' critics enter the loss that is differentiated.

    Args:
        view: What is known of the step.

    Attributes:
        values: What critics gave in this step.
    """

    def __init__(self, view: View) -> None:
        self.values: list[_Value] = []
        self._view = view
        self._new: dict[tuple[Any, ...], facts.ActorLoss] = {}

    def passed(self, module: nn.Module, output: Any) -> None:
        """A network that learns values has run."""
        if module in self._view.roots or len(self.values) >= MOST_OUTPUTS:
            return
        given = [tensor for tensor in tensors_of(output) if tensor.grad_fn is not None]
        reached = [leads(tensor, self._view.roots.held).nearest is not None for tensor in given]
        place = user_place(3)
        self.values += [
            _Value(tensor.grad_fn, VALUED[module], own, *place) for tensor, own in zip(given, reached, strict=True)
        ]

    def backward(self, graph: GraphWalk) -> None:
        """Look which of them this loss is made of."""
        root, values = graph.root.grad_fn, self.values
        self.values = []
        signs = {} if root is None else directions(root, {value.node for value in values})
        for value in values:
            if value.node in signs:
                self._new[self._view.step, value.file, value.line] = facts.ActorLoss(
                    step=self._view.step,
                    raised=signs[value.node] < 0,
                    costs=value.costs,
                    reached=value.reached,
                    file=value.file,
                    line=value.line,
                )

    def facts(self) -> Iterator[facts.ActorLoss]:
        """What is new."""
        new, self._new = self._new, {}
        yield from new.values()
