"""Targets that a network's own outputs are made into: rewards, discounts, ends of episodes, gradients."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.autograd.belonging import leads
from unstuck.observe.autograd.graph import GraphWalk, nodes, place_in_graph
from unstuck.observe.collectors.actor_losses import VALUED, ActorLosses, called_costs, note_values
from unstuck.observe.collectors.handwritten_losses import DIFFERENCES, LossCall
from unstuck.observe.collectors.made_values import FOLLOWED, Made, MadeValues
from unstuck.observe.collectors.marked_examples import Marks, marks
from unstuck.observe.collectors.slow_copies import SlowCopies
from unstuck.observe.collectors.states import unchanged
from unstuck.observe.collectors.view import NetworkOutput, View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_variable_names
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Bootstraps"]

COMPARISONS: frozenset[Any] = frozenset({functional.mse_loss, functional.smooth_l1_loss, functional.huber_loss})

MOST_NODES = 5_000

MOST_NETWORKS = 16
"""Latest outputs of whole networks that are known until the update: an episode makes one for each of its steps."""

LATE = 5
"""Latest samples whose targets are looked at for their size."""


@dataclass
class _Site:
    """What is known of the targets that one line makes."""

    transitions: int = 0
    ended: int = 0
    discount: float = 0.0
    rewards: tuple[float, float] = (float("inf"), float("-inf"))
    sizes: list[float] = field(default_factory=list[float])
    marked: Marks = field(default_factory=Marks)
    plain: bool = True
    gradient: bool = False
    greedy: int = 0
    masked: bool = False
    compared: int = 0
    unchanged: int = 0

    def fact(self, file: str | None, line: int | None) -> facts.Bootstrap:
        return facts.Bootstrap(
            transitions=self.transitions,
            ended=self.ended,
            discount=self.discount,
            lowest=self.rewards[0],
            highest=self.rewards[1],
            flagged=self.marked.count,
            apart=self.marked.apart,
            late=min(self.sizes[-LATE:]),
            plain=self.plain,
            gradient=self.gradient,
            greedy=self.greedy,
            masked=self.masked,
            compared=self.compared,
            unchanged=self.unchanged,
            file=file,
            line=line,
        )


class Bootstraps:
    """Follow what is made of networks' outputs outside of them, to the losses that take it for targets.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = FOLLOWED | DIFFERENCES | COMPARISONS

    def __init__(self, view: View) -> None:
        self._view = view
        self._made = MadeValues()
        self._sites: dict[tuple[str | None, int | None], _Site] = {}
        self._copies, self._actors = SlowCopies(view), ActorLosses(view)
        self._modules: weakref.WeakValueDictionary[int, nn.Module] = weakref.WeakValueDictionary()
        self._residuals: list[tuple[Any, Made]] = []
        self._outputs: dict[int, Tensor] = {}
        self._new = False

    def begin(self) -> None:
        """A sampled step begins."""
        self._made.forget()
        self._outputs.clear()
        self._residuals.clear()
        self._actors.values.clear()

    def network_begins(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """A network is about to run."""
        self._view.given.append((id(module), inputs))

    def network(self, module: nn.Module, output: Any) -> None:
        """A network has run."""
        several = isinstance(output, tuple | list)
        for tensor in output if several else (output,):
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and is_readable(tensor):
                self._made.source(id(module), tensor)
                if tensor.requires_grad:
                    self._outputs[id(module)] = tensor.detach()
        networks = self._view.networks
        if type(output) is Tensor and output.dim() and is_readable(output):
            values = output.numel() // max(1, len(output))
            judges = values == 1 < len(output)
            networks.append(
                NetworkOutput(weakref.ref(module), place_in_graph(output), output.data_ptr(), judges, values)
            )
            del networks[:-MOST_NETWORKS]
        self._copies.passed(module)
        self._modules[id(module)] = module
        if module in VALUED:
            self._actors.passed(module, output)

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A function was called; what is called within a network makes no target."""
        if self._view.module is not None:
            return
        if self._view.learning and (function in DIFFERENCES or function in COMPARISONS) and len(args) > 1:
            self._compared(args[0], args[1], output)
        self.follow(function, args, output)

    def follow(self, function: Any, args: tuple[Any, ...], output: Any) -> None:
        """Follow what is made of outputs, wherever that is."""
        if function in FOLLOWED:
            self._made.call(function, args, output)

    def _compared(self, one: Any, other: Any, output: Any) -> None:
        """Keep the difference of an output and a target that both have gradients."""
        if not (isinstance(one, Tensor) and isinstance(other, Tensor) and one.requires_grad and other.requires_grad):
            return
        made = [self._made.of(tensor) for tensor in (one, other)]
        targets = [(m, t) for m, t in zip(made, (one, other), strict=True) if m is not None and _is_target(m)]
        if len(targets) != 1 or None in made or not isinstance(output, Tensor):
            return
        target, tensor = targets[0]
        own = self._view.roots.held
        if leads(tensor, own).nearest is not None and all(
            leads(each, own).nearest is not None for each in (one, other)
        ):
            self._residuals.append((output.grad_fn, target))

    def loss(self, call: LossCall) -> None:
        """A loss takes a target."""
        made = self._made.of(call.target) if call.target.is_floating_point() else None
        if made is not None and call.target.numel() > 1:
            if made.data is not None:
                self._take(made, call)
            self._copies.asked(made.sources, made)

    def _learner(self, call: LossCall, made: Made, site: _Site) -> None:
        """A network learns such a target."""
        output = self._made.of(call.output)
        if output is None or output.data is not None or not _is_target(made):
            return
        same = unchanged(self._view.given, output.sources | made.sources, call.target.numel())
        if same is not None:
            site.compared += call.target.numel()
            site.unchanged += same
        whole = [self._outputs[source] for source in output.sources if source in self._outputs]
        site.greedy += _greatest(call.output.detach(), whole[0]) if len(whole) == 1 else 0
        known = user_variable_names()
        costs = called_costs(name for name, value in known if isinstance(value, Tensor | float | list))
        for module in (self._modules.get(source) for source in output.sources):
            if module is not None:
                note_values(module, costs=costs)

    def _take(self, made: Made, call: LossCall | None = None) -> None:
        reward, value = made.data, made.bootstrapped
        if reward is None or value is None:
            return
        site = self._sites.setdefault((made.file, made.line), _Site())
        zeros = int((value == 0).sum())
        site.transitions += value.numel()
        site.ended += zeros or int(made.masked)
        site.discount = max(site.discount, made.discount)
        low, high = float(reward.min()), float(reward.max())
        site.rewards = (min(site.rewards[0], low), max(site.rewards[1], high))
        site.sizes.append(float(made.values.abs().max()))
        site.plain, site.masked = site.plain and made.plain, site.masked or made.masked
        if call is not None:
            self._learner(call, made, site)
        if not site.ended:
            site.marked = site.marked.joined(marks(reward.reshape(-1)))
        self._new = True

    def backward(self, graph: GraphWalk) -> None:
        """Look whether a loss goes back through targets."""
        if self._actors.values:
            self._actors.backward(graph)
        if not self._residuals:
            return
        reached = set(nodes(graph.root, most=MOST_NODES))
        for node, made in self._residuals:
            if node in reached:
                self._take(made)
                site = self._sites.setdefault((made.file, made.line), _Site())
                site.gradient = True
        self._residuals.clear()

    def facts(self) -> Iterator[facts.Fact]:
        """What is known now."""
        if self._new:
            self._new = False
            for (file, line), site in self._sites.items():
                if site.sizes:
                    yield site.fact(file, line)
        yield from self._copies.facts()
        yield from self._actors.facts()

    def release(self) -> None:
        """Let go of what is the program's."""
        self._made.forget()
        self._outputs.clear()
        self._residuals.clear()
        self._actors.values.clear()
        self._view.networks.clear()
        self._copies.release()


def _is_target(made: Made) -> bool:
    return made.data is not None and 0.0 < made.discount <= 1.0


def _greatest(values: Tensor, whole: Tensor) -> int:
    """How many of some values are the greatest of all that a network gave for their example."""
    if whole.dim() != 2 or whole.shape[1] < 2 or len(whole) != values.numel():
        return 0
    return int((values.reshape(-1) == whole.amax(dim=1)).sum())
