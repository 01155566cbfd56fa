"""Watch what ought to learn: tensors that get gradients and are in no optimizer, and layers that ran without any."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import is_distributed
from unstuck.observe.tensors.initialiser_test import looks_fresh
from unstuck.observe.tensors.readable import values_here
from unstuck.observe.torch_hooks.events import held_parameters, holders, one_optimizer, parameters_of
from unstuck.observe.user_code.frames import user_names
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["UnoptimizedParameters"]

MOST = 512
"""Tensors compared; a model of more has its fault in the first ones too."""


@dataclass
class _Known:
    """A tensor as it was when it was first met."""

    tensor: weakref.ref[Tensor]
    mark: tuple[float, float]
    name: str
    fresh: bool | None
    step: int


class UnoptimizedParameters:
    """Compare the tensors that losses lead to with those that optimizers hold, over several losses.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._new: list[facts.UnoptimizedParameters | facts.MisplacedOptimizer] = []
        self._latest: facts.UnoptimizedParameters | None = None
        self._known: dict[int, _Known] = {}
        self._changed: set[int] = set()
        self._reached: dict[int, int] = {}
        self._since = -1

    def backward(self, graph: GraphWalk) -> None:
        """Take a graph."""
        found = self._found(graph)
        if found is not None:
            self._new.append(found)

    def led_past(self, graph: GraphWalk) -> None:
        """Take a graph that leads to nothing of this training."""
        self._found(graph)

    def _found(self, graph: GraphWalk) -> facts.UnoptimizedParameters | None:
        view = self._view
        if not graph.complete or any(is_distributed(parameter) for parameter in view.named.values()):
            return None
        held = view.roots.held | held_parameters()
        found = self.observe(graph.variables, own=view.roots.held, held=held, named=view.named, step=view.updates)
        self._latest = found
        if found.unchanged and not one_optimizer():
            view.owe(self, self._stepped)
        return found

    def _stepped(self, optimizer: object) -> None:
        """The optimizer has stepped behind that loss: are its own parameters those of another one?"""
        latest, owners, held = self._latest, holders(), self._view.roots.held
        if latest is not None and latest.unchanged and held and all(len(owners.get(key, ())) > 1 for key in held):
            others = set[int]().union(*(owners[key] for key in held)) - {self._view.optimizer}
            self._new.append(
                facts.MisplacedOptimizer(
                    step=latest.step, since=latest.since, unchanged=latest.unchanged, others=tuple(sorted(others))
                )
            )

    def facts(self) -> Iterator[facts.UnoptimizedParameters | facts.MisplacedOptimizer]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def observe(
        self, leaves: Iterable[Tensor], *, own: set[int], held: set[int], named: Mapping[str, Tensor], step: int
    ) -> facts.UnoptimizedParameters:
        """Take the leaves of one loss's graph.

        Args:
            leaves: The tensors that accumulate a gradient.
            own: Identities of the parameters that this training's optimizer holds.
            held: Identities of the parameters that any optimizer holds.
            named: The model's parameters by name.
            step: Updates made.

        Returns:
            Those of them that are parameters, held by none, and the same as they were when first met.
        """
        leaves = list(leaves)
        if self._since < 0:
            self._since = step
        self._reached.update(dict.fromkeys(map(id, leaves), step))
        candidates = [leaf for leaf in leaves if id(leaf) not in held and isinstance(leaf, nn.Parameter)][:MOST]
        self._meet([leaf for leaf in candidates if id(leaf) not in self._known], named, step)
        unchanged = [leaf for leaf in candidates if self._same(leaf)]
        return facts.UnoptimizedParameters(
            step=step,
            since=self._since,
            unchanged=tuple(
                facts.UnoptimizedParameter(
                    name=self._known[id(t)].name, shape=tuple(t.shape), fresh=self._known[id(t)].fresh
                )
                for t in unchanged
            ),
            reached=len(leaves),
            held=sum(id(leaf) in own for leaf in leaves),
            unused=tuple(self._unused(min(self._known[id(t)].step for t in unchanged))) if unchanged else (),
            compared=bool(unchanged) and self._gives_targets(unchanged),
        )

    def _gives_targets(self, tensors: Iterable[Tensor]) -> bool:
        """Whether one of these is of a network whose output is a target of this step."""
        targets = {target.data_ptr() for target in self._view.targets}
        modules = (given.module() for given in self._view.networks if given.memory in targets)
        keys = {id(parameter) for module in modules if module is not None for parameter in module.parameters()}
        return any(id(tensor) in keys for tensor in tensors)

    def _unused(self, since: int) -> Iterator[tuple[int, ...]]:
        """Shapes of what the optimizer holds, no module of the model has, and no loss has led to from a step on."""
        view = self._view
        own = {id(parameter) for parameter in view.roots.parameters().values()}
        for parameter in parameters_of(view.optimizer):
            if id(parameter) not in own and self._reached.get(id(parameter), -1) < since:
                yield tuple(parameter.shape)

    def _meet(self, new: list[Tensor], named: Mapping[str, Tensor], step: int) -> None:
        if not new:
            return
        known = {**named, **self._view.roots.parameters()}
        names = {id(parameter): name for name, parameter in known.items()}
        missing = {id(leaf) for leaf in new if id(leaf) not in names}
        if missing:
            names.update(user_names(missing))
        for leaf in new:
            mark = _mark(leaf)
            if mark is not None:
                name = names.get(id(leaf), "")
                self._known[id(leaf)] = _Known(weakref.ref(leaf), mark, name, looks_fresh(leaf), step)

    def _same(self, leaf: Tensor) -> bool:
        """Whether a tensor is the one met before, with the values that it had then."""
        known = self._known.get(id(leaf))
        if known is None or id(leaf) in self._changed:
            return False
        if known.tensor() is not leaf or _mark(leaf) != known.mark:
            self._changed.add(id(leaf))
            return False
        return True


@torch.no_grad()
def _mark(tensor: Tensor) -> tuple[float, float] | None:
    """Two numbers that a change of the values on this process changes; None where they cannot be read."""
    here = values_here(tensor)
    if here is None:
        return None
    values = here.reshape(-1)[:65_536].double()
    first, second = torch.stack([values.sum(), values.square().sum()]).tolist()
    return first, second
