"""Facts that only a live view gives: what the loss reaches, modes, schedules, the origin of a NaN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from unstuck.observe.autograd.attention_axes import contractions_of
from unstuck.observe.autograd.custom_functions import CustomFunctions
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.autograd.wiring import wiring_of
from unstuck.observe.collectors.batch_dependence import mixing_share
from unstuck.observe.collectors.infinite_slopes import Edges
from unstuck.observe.collectors.inputs import whole_examples
from unstuck.observe.collectors.modes import modes_of
from unstuck.observe.collectors.nan_origin import origin
from unstuck.observe.collectors.passes import Passes
from unstuck.observe.collectors.seen_examples import Identity
from unstuck.observe.collectors.unoptimized_parameters import Learners
from unstuck.observe.tensors.distributed import alone, is_distributed, values_here
from unstuck.observe.torch_hooks.patches import held_parameters
from unstuck.observe.user_code.frames import user_place, user_trail
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts

__all__ = ["LiveFacts"]

MODES_EVERY_STEP_UNTIL = 50


class LiveFacts:
    """Gather facts as they show themselves; :meth:`facts` hands out those that are new.

    Args:
        roots: The modules that the optimizer trains.

    Attributes:
        trained_in_training_mode: Whether the loss was taken with the model in training mode.
        passes: Counts of forward and backward passes.
    """

    def __init__(self, roots: Roots) -> None:
        self.trained_in_training_mode = False
        self.passes = Passes()
        self._roots = roots
        self._new: list[facts.Fact] = []
        self._modes: dict[str, facts.Modes] = {}
        self._looked: dict[tuple[str, bool], int] = {}
        self._walked = -1
        self._walks = 0
        self._mixed = False
        self._wired = False
        self._learners = Learners()
        self._custom = CustomFunctions()
        self._schedules: dict[int, facts.Schedule] = {}
        self._bests: dict[int, Any] = {}

    @property
    def overheard(self) -> bool:
        """Whether a call of the user's own autograd function waits to be checked."""
        return self._custom.overheard

    def backward_begins(
        self,
        roots: tuple[Tensor, ...],
        step: int,
        named: Mapping[str, Tensor],
        ends: tuple[Tensor, Tensor, int | None] | None,
        ran: Mapping[str, bool],
    ) -> None:
        """Walk the graph of the first losses, and later at every power of two."""
        for root in self._roots:
            self.trained_in_training_mode = root.training
            break
        if self._custom.overheard:
            self._custom.checked()
        if (step == self._walked and self._walks > 3) or (step > 2 and step & (step - 1)):
            return
        self._walked, self._walks = step, self._walks + 1
        walk = GraphWalk(roots[0])
        if walk.complete:
            self.passes.walked(walk.uses)
        # Of sharded parameters the graph holds gathered copies, which are nobody's.
        whole = walk.complete and not any(is_distributed(parameter) for parameter in named.values())
        trainable = {name: id(parameter) for name, parameter in named.items() if parameter.requires_grad}
        file, line = user_place(2)
        self._new.append(
            facts.Graph(
                step=step,
                reached=tuple(name for name, key in trainable.items() if key in walk.leaves),
                unreached=tuple(n for n, key in trainable.items() if key not in walk.leaves) if whole else (),
                operations=tuple(walk.operations),
                custom_functions=self._custom.meet(() if self._roots.compiled else walk.custom),
                file=file,
                line=line,
            )
        )
        held = self._roots.held | held_parameters()
        if whole:
            self._new.append(
                self._learners.observe(walk.variables, own=self._roots.held, held=held, named=named, step=step)
            )
        if ran:
            cut = tuple(path for path, with_gradient in ran.items() if not with_gradient)
            self._new.append(facts.Ran(step=step, layers=tuple(ran), without_gradient=cut))
        if not self._wired and whole:
            self._wired = True
            self._new.append(wiring_of(roots[0], named))
            self._new.extend(contractions_of(roots[0]))
        # An extra backward pass of one rank would call collectives of sharded models, and wait for the others.
        if ends is not None and not self._mixed and alone():
            self._mixed = True
            mixing = mixing_share(*ends, modules=self._roots.modules(), step=step)
            if mixing is not None:
                self._new.append(mixing)

    def forward_begins(self, step: int, phase: Literal["training", "evaluation"]) -> None:
        """Note the modes of the modules, when they differ from what was noted before."""
        if step > MODES_EVERY_STEP_UNTIL and step & 15 and phase == "training":
            return
        training = all(root.training for root in self._roots)
        if self._looked.get((phase, training)) == step:
            return
        self._looked[phase, training] = step
        modes = modes_of(self._roots.modules(), step=step, phase=phase, model_training=training)
        known = self._modes.get(phase)
        if modes is not None and (known is None or _counts(known) != _counts(modes)):
            self._modes[phase] = modes
            self._new.append(modes)

    def schedule_stepped(self, schedule: LRScheduler, step: int) -> None:
        """Count the steps of a schedule."""
        known = self._schedules.get(id(schedule))
        if known is None:
            file, line = user_place(2)
            groups = schedule.optimizer.param_groups
            base = max((float(g.get("max_lr", g.get("initial_lr", g["lr"]))) for g in groups), default=None)
            name = type(schedule).__name__
            known = facts.Schedule(type=name, before_update=step == 0, base_rate=base, file=file, line=line)
        best = getattr(schedule, "best", None)
        best = values_here(best) if isinstance(best, Tensor) else best
        stale = 0 if best != self._bests.get(id(schedule)) else known.stale + 1
        self._bests[id(schedule)] = best
        self._schedules[id(schedule)] = replace(known, steps=known.steps + 1, updates=step, stale=stale)

    def recognise(self, identity: Identity, inputs: tuple[Any, ...]) -> float | None:
        """Share of a training batch's examples that were met before; None where there is nothing to recognise."""
        batch = whole_examples(inputs)
        if batch is None or batch.device.type != "cpu":
            return None
        return identity.train(user_trail(), batch)

    def release(self) -> None:
        """Let go of the user's functions."""
        self._custom.release()

    def trace(self, loss: Tensor, step: int, edges: Edges) -> facts.NonFinite:
        """The origin of a loss that is not finite."""
        return origin(loss, self._roots, step, edges)

    def facts(self, step: int) -> Iterator[facts.Fact]:
        """What is new since the last call, and schedules with their present counts."""
        new, self._new = self._new, []
        yield from new
        for schedule in self._schedules.values():
            per: Literal["step", "epoch", "unknown"] = "unknown"
            if step >= 4:
                per = "step" if schedule.steps > 0.5 * step else "epoch"
            yield replace(schedule, per=per, updates=step)


def _counts(modes: facts.Modes) -> tuple[int, ...]:
    return (
        modes.norms_training,
        modes.norms_evaluating,
        modes.dropouts_training,
        modes.dropouts_evaluating,
        modes.frozen_norms,
        modes.unmoved_norms,
        modes.model_training,
    )
