"""What the loss is made of: the parameters that it reaches, its operations, its wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.attention_axes import contractions_of
from unstuck.observe.autograd.custom_functions import CustomFunctions
from unstuck.observe.autograd.graph import GraphWalk, edges_at
from unstuck.observe.autograd.wiring import wiring_of
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import is_distributed
from unstuck.observe.torch_hooks.events import holders, one_optimizer
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Graphs"]

MOST_NODES = 2_000
"""Nodes of a graph among which outputs of networks are looked for."""


class Graphs:
    """State what a loss's graph reaches, each time that it is walked; once how its weights are wired.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._new: list[facts.Fact] = []
        self._wired = False
        self._custom = CustomFunctions()

    @property
    def waiting(self) -> Callable[[], bool] | None:
        """Says whether a call of the user's own autograd function waits to be checked; None where none is awaited."""
        return self._custom.overheard if self._custom.awaits else None

    def before_backward(self, first: bool) -> None:
        """Check the calls that wait."""
        if self._custom.overheard():
            self._custom.checked()

    def backward(self, graph: GraphWalk) -> None:
        """Take a graph."""
        view, named = self._view, self._view.named
        # Of sharded parameters the graph holds gathered copies, which are nobody's.
        whole = graph.complete and not any(is_distributed(parameter) for parameter in named.values())
        trainable = {name: id(parameter) for name, parameter in named.items() if parameter.requires_grad}
        file, line = user_place(2)
        others = self._others(graph)
        self._new.append(
            facts.Graph(
                step=view.updates,
                reached=tuple(name for name, key in trainable.items() if key in graph.leaves),
                unreached=tuple(n for n, key in trainable.items() if key not in graph.leaves) if whole else (),
                operations=tuple(graph.operations),
                through_others=bool(others),
                through=others,
                custom_functions=self._custom.meet(() if view.roots.compiled else graph.custom),
                file=file,
                line=line,
            )
        )
        if view.ran:
            cut = tuple(path for path, with_gradient in view.ran.items() if not with_gradient)
            self._new.append(facts.Ran(step=view.updates, layers=tuple(view.ran), without_gradient=cut))
        if not self._wired and whole:
            self._wired = True
            self._new.append(wiring_of(graph.root, named))
            self._new.extend(contractions_of(graph.root))

    def _others(self, graph: GraphWalk) -> tuple[int, ...]:
        """The optimizers whose weights the loss of this training leads through, beside its own, by their numbers."""
        own = self._view.roots.held
        if one_optimizer() or not graph.leaves & own:
            return ()
        held = {weight: others for weight, them in holders().items() if (others := them - {self._view.optimizer})}
        through = graph.leads_through(held.keys()) | self._reshaped(graph.root, held.keys())
        return tuple(sorted(set[int]().union(*(held[weight] for weight in through))))

    def _reshaped(self, loss: Tensor, weights: Set[int]) -> set[int]:
        """Weights of others of which a network made the ones that it uses, such as normalised ones, without a graph."""
        networks = ((given.place, given.module()) for given in self._view.networks)
        holding = {
            place: {id(parameter) for parameter in module.parameters()}
            for place, module in networks
            if place is not None and module is not None
        }
        foreign = {place: held & weights for place, held in holding.items() if not held & self._view.roots.held}
        return set[int]().union(*(foreign[place] for place in edges_at(loss, foreign.keys(), most=MOST_NODES)))

    def facts(self) -> Iterator[facts.Fact]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def release(self) -> None:
        """Let go of the user's functions."""
        self._custom.release()
