"""Whose backward pass is it? One of several trainings of a program, or none of them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.clock import Clock
from unstuck.observe.tensors.distributed import is_distributed
from unstuck.observe.torch_hooks import events
from unstuck.observe.torch_hooks.backward import Backward, Reaching
from unstuck.observe.user_code.model_roots import Roots

__all__ = ["Ownership"]

WALKS = 3
"""Graphs that are walked of one step: later passes of it, of micro-batches, have the same."""

OTHERS = 16
"""Graphs that are walked of one step in all: passes of others come in between, as of a critic."""


class Ownership:
    """Tell the backward passes of one training from those of others, and from passes within a step.

    ``torch.autograd.grad`` says whose parameters it is about. Of other passes the graph tells, where it is walked;
    where it is not, what the pass has reached (:class:`.Reaching`).

    A pass by ``autograd.grad`` whose gradients can be differentiated in turn is a step within a step, as in MAML and
    Hessian-vector products: the loss of the step is that of a backward pass that follows; if none does, that of the
    first.

    Args:
        roots: The modules that are trained.

    Attributes:
        concerned: Whether the latest pass may be the training's.
        intermediate: Whether the passes before it were such steps within its step.
    """

    def __init__(self, roots: Roots) -> None:
        self.concerned = self.intermediate = False
        self._roots = roots
        self._reaching = Reaching()
        self._own = set(roots.held)
        self._differentiable = self._met = False
        self._walked, self._walks, self._led_past = -1, 0, 0

    @property
    def sure(self) -> bool:
        """Whether the next backward pass is taken to be the training's, if there is no other one."""
        return self._reaching.sure

    def watch(self, parameters: Sequence[Tensor]) -> None:
        """These are its parameters."""
        self._own = self._roots.held | {id(parameter) for parameter in parameters}
        self._reaching.watch(parameters)

    def rest(self) -> None:
        """No backward pass is to be told apart until :meth:`begins` is called again."""
        self._reaching.rest()

    def release(self) -> None:
        """Let go of them."""
        self._reaching.release()

    def concerns(self, backward: Backward, *, follows: bool) -> bool:
        """Whether a pass may be the training's; ``follows`` if there was one in this step."""
        asked = {id(tensor) for tensor in backward.inputs}
        within = follows and self._differentiable
        self.intermediate = within and backward.accumulates
        self.concerned = (not asked or bool(asked & self._own)) and (backward.accumulates or not within)
        if self.concerned:
            self._differentiable = backward.keeps_graph and not backward.accumulates
        return self.concerned

    def graph(self, backward: Backward, clock: Clock, parameters: Sequence[Tensor]) -> GraphWalk | None:
        """The graph of the first losses, and later of those at every power of two."""
        step = clock.step
        if step != self._walked:
            self._walked, self._walks, self._led_past = step, 0, 0
        enough = self._walks > WALKS or self._walks + self._led_past >= OTHERS
        if not clock.milestone or not backward.roots or enough:
            return None
        graph = GraphWalk(backward.roots[0])
        reached = graph.leaves & self._own
        self._walks += bool(reached)
        self._led_past += not reached
        whole = graph.complete and not any(is_distributed(parameter) for parameter in parameters)
        # Until one has reached, it tells something that none does.
        if whole and not reached and self._met and not events.one_optimizer():
            self.concerned = False
        if reached and not self._reaching.watches(reached):
            self._reaching.join(next(variable for variable in graph.variables if id(variable) in reached))
        return graph

    def cleared(self) -> bool:
        """Whether gradients were cleared since the latest pass that reached."""
        return self._reaching.cleared()

    def begins(self, backward: Backward, *, alone: bool, compiled: bool) -> None:
        """The pass is about to run."""
        if backward.accumulates:
            if compiled:
                self._reaching.poll()
            self._reaching.begins(alone=alone)

    def ended(self, backward: Backward) -> bool:
        """It has run: whether it was the training's."""
        reached = not backward.accumulates or self._reaching.ended()
        self._met = self._met or reached
        return reached
