"""Targets that a network's own outputs are made into: rewards, discounts, ends of episodes, gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.nn import functional

from unstuck.observe.autograd.belonging import leads
from unstuck.observe.autograd.graph import GraphWalk, nodes
from unstuck.observe.collectors.handwritten_losses import DIFFERENCES, LossCall
from unstuck.observe.collectors.made_values import FOLLOWED, Made, MadeValues
from unstuck.observe.collectors.marked_examples import Marks, marks
from unstuck.observe.collectors.slow_copies import SlowCopies
from unstuck.observe.collectors.view import NetworkOutput, View
from unstuck.observe.tensors.readable import is_readable
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
        self._copies = SlowCopies(view)
        self._residuals: list[tuple[Any, Made]] = []
        self._new = False

    def begin(self) -> None:
        """A sampled step begins."""
        self._made.forget()
        self._residuals.clear()

    def network(self, module: nn.Module, output: Any) -> None:
        """A network has run."""
        several = isinstance(output, tuple | list)
        for tensor in output if several else (output,):
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and is_readable(tensor):
                self._made.source(id(module), tensor)
        networks = self._view.networks
        if type(output) is Tensor and output.dim() and is_readable(output):
            edge = get_gradient_edge(output) if output.grad_fn is not None else None
            values = output.numel() // max(1, len(output))
            judges = values == 1 < len(output)
            networks.append(NetworkOutput(module, edge, output.data_ptr(), judges, values))
            del networks[:-MOST_NETWORKS]
        self._copies.passed(module)

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
                self._take(made)
            self._copies.asked(made.sources, made)

    def _take(self, made: Made) -> None:
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
        site.plain = site.plain and made.plain
        if not site.ended:
            site.marked = site.marked.joined(marks(reward.reshape(-1)))
        self._new = True

    def backward(self, graph: GraphWalk) -> None:
        """Look whether a loss goes back through targets."""
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

    def release(self) -> None:
        """Let go of what is the program's."""
        self._made.forget()
        self._residuals.clear()
        self._copies.release()


def _is_target(made: Made) -> bool:
    return made.data is not None and 0.0 < made.discount <= 1.0
