"""Which way each side of a game moves what a judge says of made examples: one should raise what the other lowers."""

from __future__ import annotations

import math
import weakref
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge

from unstuck.observe.autograd.extra_pass import runs_program_code
from unstuck.observe.autograd.graph import FACTORS, GraphWalk, edges_at, nodes, saved
from unstuck.observe.autograd.reach import reach
from unstuck.observe.collectors.view import NetworkOutput, View
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.events import one_optimizer
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Opponents"]

MOST_LOOKS = 8
"""Losses of a training that are looked at."""

MOST_NODES = 2_000
MOST_EXAMPLES = 256
"""Examples that are kept of the data that a judge is given."""

ROUNDING = 1e-2
MOST_SIDES = 8
"""Networks of a step whose outputs are looked at."""

MOSTLY = 0.9
"""Share of the outputs that are moved the same way, from which all are."""

GIVEN = (*FACTORS, "_saved_input")
"""What the first layer of a network keeps of its input."""

_data: weakref.WeakKeyDictionary[nn.Module, Tensor] = weakref.WeakKeyDictionary()
"""Of each such network, the data that it was given last."""

_judged: weakref.WeakKeyDictionary[nn.Module, dict[str, int]] = weakref.WeakKeyDictionary()
"""Of each network that judges, the way in which its own training moves what it says of made examples, and of data."""


class _Side(NamedTuple):
    """An output of a network that a loss is made of: the network, where the output lies, its values for an example."""

    module: nn.Module
    edge: GradientEdge
    values: int


class Opponents:
    """Differentiate losses with respect to the outputs of networks, in the first steps whose graph is walked.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._looks = 0
        self._found: list[facts.Opponent | facts.Generated] = []

    def backward(self, graph: GraphWalk) -> None:
        """Look which way a loss moves the outputs of a judge: one's own, or that of one's examples."""
        view = self._view
        if self._looks >= MOST_LOOKS or one_optimizer() or view.hooked or graph.custom or not alone():
            return
        own = view.roots.held
        judges = [given for given in view.networks if given.place is not None and given.judges][-MOST_SIDES:]
        sides = [one for one in _within(graph.root, judges) if _holds(one.module, own) or _reaches(one.edge.node, own)]
        if not sides or runs_program_code(graph.root):
            return
        for side, way in zip(sides, _moved(graph.root, sides), strict=True):
            if not _holds(side.module, own):
                self._plays(graph.root, side.module, way)
            elif _alone(side.edge.node, own):  # no loss of an opponent, which leads through this network
                self._judges(side, way)

    def _judges(self, side: _Side, way: int) -> None:
        own = self._view.roots.held
        modules = ((given.module(), given.memory) for given in self._view.networks)
        made = {memory for module, memory in modules if module is not None and not _holds(module, own)}
        taken = _taken(side.edge.node)
        of_made = any(tensor.data_ptr() in made for tensor in taken)
        if way:
            self._looks += 1
            _judged.setdefault(side.module, {})["made" if of_made else "data"] = way
        data = [tensor for tensor in taken if _is_data(tensor)]
        if data and not of_made:
            _data[side.module] = data[-1].detach()[:MOST_EXAMPLES].clone()

    def _plays(self, loss: Tensor, module: nn.Module, way: int) -> None:
        known, place = _judged.get(module, {}), user_place(3)
        self._reach(loss, module)
        if way and {"made", "data"} <= known.keys():
            self._looks += 1
            self._found.append(
                facts.Opponent(
                    step=self._view.step,
                    raised=way > 0,
                    raised_by_judge=known["made"] > 0,
                    data_raised_by_judge=known["data"] > 0,
                    file=place[0],
                    line=place[1],
                )
            )

    def _reach(self, loss: Tensor, judge: nn.Module) -> None:
        """Note the share of data that the activation behind what is trained here cannot give."""
        data, own = _data.get(judge), self._view.roots.held
        if data is None:
            return
        made = [one for one in _within(loss, self._view.networks) if _holds(one.module, own)]
        if not made or data[0].numel() != made[-1].values:
            return  # such as an actor, whose critic is given states too
        bounds = reach(made[-1].edge.node)
        if bounds is None or bounds.slope:
            return
        low = -math.inf if bounds.lowest is None else bounds.lowest
        high = math.inf if bounds.highest is None else bounds.highest
        beyond = float(((data < low - ROUNDING) | (data > high + ROUNDING)).double().mean())
        self._looks += 1
        self._found.append(
            facts.Generated(
                step=self._view.step,
                beyond=beyond,
                function=bounds.operation,
                size=float(data.double().square().mean().sqrt()),
                unbounded=math.inf in (-low, high),
            )
        )

    def facts(self) -> Iterator[facts.Opponent | facts.Generated]:
        """What is new."""
        found, self._found = self._found, []
        yield from found


def _within(loss: Tensor, given: Sequence[NetworkOutput]) -> list[_Side]:
    """Those outputs of networks that a loss is made of."""
    edges = edges_at(loss, [one.place for one in given if one.place is not None], most=MOST_NODES)
    known = ((one.module(), one.place, one.values) for one in given)
    return [
        _Side(module, edges[place], values) for module, place, values in known if module is not None and place in edges
    ]


def _moved(loss: Tensor, sides: Sequence[_Side]) -> list[int]:
    """1 where descent raises an output, -1 where it lowers it, 0 where it does neither, or both."""
    with torch.enable_grad():
        gradients = torch.autograd.grad(
            [loss], [side.edge for side in sides], [torch.ones_like(loss)], retain_graph=True, allow_unused=True
        )
    return [_way(gradient) for gradient in gradients]


def _holds(module: nn.Module, weights: Collection[int]) -> bool:
    return any(id(parameter) in weights for parameter in module.parameters())


def _taken(first: Any) -> list[Tensor]:
    """What the layers behind an output were given, from the last to the first."""
    factors = (saved(node, name) for node in nodes(first, most=MOST_NODES) for name in GIVEN)
    return [factor for factor in factors if isinstance(factor, Tensor) and is_readable(factor)]


def _is_data(tensor: Tensor) -> bool:
    return tensor.is_leaf and not isinstance(tensor, nn.Parameter) and tensor.is_floating_point() and tensor.dim() > 1


def _alone(first: Any, weights: Collection[int]) -> bool:
    """Whether no weights but these lead to an output; data may, of which a penalty takes the gradient."""
    known = (getattr(node, "variable", None) for node in nodes(first, most=MOST_NODES))
    return all(id(variable) in weights for variable in known if isinstance(variable, nn.Parameter))


def _reaches(first: Any, weights: Collection[int]) -> bool:
    return any(id(getattr(node, "variable", None)) in weights for node in nodes(first, most=MOST_NODES))


def _way(gradient: Tensor | None) -> int:
    if gradient is None:
        return 0
    signs = gradient.detach().sign()
    count = float(signs.abs().sum())
    share = float(signs.sum()) / count if count else 0.0
    return 0 if abs(share) < 2.0 * MOSTLY - 1.0 else (-1 if share > 0.0 else 1)
