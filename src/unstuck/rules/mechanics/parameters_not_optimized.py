"""T201: parameters that ought to learn, and that nobody trains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from unstuck.learning import Learning, optimizer_place
from unstuck.learning.game import meet
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import (
    Loss,
    MisplacedOptimizer,
    Model,
    Optimizer,
    Parameter,
    Ran,
    UnoptimizedParameter,
    UnoptimizedParameters,
)
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule
from unstuck.rules.step_size import Steps

__all__ = ["ParametersNotOptimized"]

NAMED = 3
"""Parameters that a message lists."""

LOOKS = 3
"""Steps of a misplaced optimizer behind a loss of others, below which there may be a reason for it (our choice)."""


@dataclass(frozen=True, kw_only=True)
class ParametersNotOptimized(Rule):
    """Parameters that the loss depends on are in no optimizer, or are frozen as an initialiser drew them.

    Detects:
        Parameters that get gradients, that no optimizer holds and nothing changes: layers kept in a plain list, a model
        or a layer made anew, or exchanged, after the optimizer, an optimizer given only a part, or the network of
        another one; layers that are thawed and not handed to it. Frozen layers whose weights are random.

    Why it matters:
        These layers stay random; the others learn to live with it, and the loss stalls early and high.

    Evidence:
        The tensors at the end of the loss's graph against those that all optimizers of the program hold; their values
        before training and later; the distribution of their values, which shows whether they were ever learnt; tensors
        that the optimizer holds, and that the model no longer has.

    Known false positives:
        A pretrained part that is left out of the optimizer on purpose: its values do not look drawn, so that it is
        silent, unless the optimizer still holds what stood in its place, or it was thawed while it trained. Parameters
        that another optimizer holds, or that the program changes by hand, are passed over. Random features that are
        meant to stay so: where learning is good, a note; and where what is trained has hardly moved. An optimizer that
        trained the same network before, and steps no more: none is misplaced. The layer that
        gives the outputs is meant to learn, where it gets gradients or stands on weights that were trained before: a
        warning however good learning is.

    Try:
        Register layers (nn.ModuleList, nn.Parameter), build the optimizer from model.parameters() after the model is
        complete, and set requires_grad=True for what should learn.

    References:
        PyTorch documentation, torch.nn.ModuleList and torch.optim, "Constructing it".
    """

    code = "T201"
    name = "parameters not optimized"
    cause = "parameters-not-optimized"
    needs = (Model,)

    large: float = 0.05  #: share of all weights below which what is left out matters little (our choice)
    frozen: float = 0.3  #: share of all weights that must be frozen and random before it counts (our choice)
    left: float = 0.5  #: share of the loss that must be left where something is learnt in spite of it (our choice)
    moved: float = 0.3  #: way of the trained weights, in their own size, below which the rate is asked first (as O202)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        walks = run.facts(UnoptimizedParameters)
        if len(walks) < 2 or walks[-1].step == walks[-1].since:
            walks = ()  # what never changes shows by a second look alone
        found = (
            self._exchanged(run, walks)
            or self._misplaced(run)
            or self._unheld(run, walks)
            or self._idle(run)
            or self._frozen(run)
        )
        if found is not None:
            yield found

    def _unheld(self, run: Run, walks: Sequence[UnoptimizedParameters]) -> Finding | None:
        """What the loss leads to and no optimizer holds, where nothing was exchanged."""
        unoptimized = walks[-1].unchanged if walks else ()
        if unoptimized and not any(walk.held for walk in walks):
            return self._another_model(run, unoptimized)
        compared = any(walk.compared for walk in walks)
        return self._thawed(run, unoptimized) or self._left_out(run, unoptimized, compared=compared)

    def _misplaced(self, run: Run) -> Finding | None:
        """An optimizer of a network that another one trains, stepped behind the loss of a network that none holds."""
        looks = run.facts(MisplacedOptimizer)
        if len(looks) < LOOKS or looks[-1].step == looks[0].since or not any(s.fresh for s in looks[-1].unchanged):
            return None
        if not set(looks[-1].others) & run.together(MisplacedOptimizer, _beside).get(run.number, frozenset()):
            return None  # such as the one that trained the same network before
        if any(walk.compared for walk in run.facts(UnoptimizedParameters)):
            return None
        left = looks[-1].unchanged
        return self.finding(
            f"all parameters that this optimizer holds are another optimizer's too, and the loss behind which it steps "
            f"leads to {_listed(left)}, which none holds: they stay as drawn",
            "Give each optimizer the parameters of its own network, as actor_optimizer those of the actor.",
            severity="error",
            confidence=0.95,
            where=replace(optimizer_place(run), parameter=left[0].name or None),
            evidence=(
                Evidence(
                    signal=MisplacedOptimizer.kind,
                    value=float(len(left)),
                    threshold=0.0,
                    steps=(looks[0].step, looks[-1].step),
                    note="tensors that get gradients, are in no optimizer, and never change",
                ),
            ),
        )

    def _another_model(self, run: Run, unoptimized: Sequence[UnoptimizedParameter]) -> Finding:
        return self.finding(
            "the optimizer holds none of the parameters that the loss depends on: it steps another model, or an "
            "earlier one",
            "Create the optimizer after the model that is trained, from model.parameters() of that very object.",
            severity="error",
            confidence=0.97,
            where=optimizer_place(run),
            evidence=(self._evidence(unoptimized, 1.0, "get gradients and are in no optimizer"),),
        )

    def _exchanged(self, run: Run, walks: Sequence[UnoptimizedParameters]) -> Finding | None:
        """A part of the model that took the place of another one, which the optimizer still holds."""
        if not any(walk.held for walk in walks):
            return None
        new, old = walks[-1].unchanged, walks[-1].unused
        if not any(len(s.shape) > 1 and any(_takes_the_place(s.shape, shape) for shape in old) for s in new):
            return None
        parts = _modules([s.name for s in new]) or ["a part of the model"]
        return self.finding(
            f"{_past(parts)} exchanged after the optimizer was made: it holds "
            f"{_counted(len(old))} that the model no longer has, and not the new ones, {_values(new):,} weights that "
            "never change",
            "Build the optimizer after the model is complete; or hand it the new part: "
            "optimizer.add_param_group({'params': the_new_part.parameters()}).",
            severity="warning" if outcome_of(run) == "good" else "error",
            confidence=0.95,
            where=replace(optimizer_place(run), parameter=new[0].name or None),
            evidence=(
                Evidence(
                    signal=UnoptimizedParameters.kind,
                    value=float(len(old)),
                    threshold=0.0,
                    note="tensors that the optimizer holds, that no module of the model has and no loss leads to; in "
                    "their place tensors of these shapes get gradients and are in no optimizer",
                ),
            ),
        )

    def _thawed(self, run: Run, unoptimized: Sequence[UnoptimizedParameter]) -> Finding | None:
        """What was frozen as training began, gets gradients since, and was never handed to an optimizer."""
        model = run.fact(Model)
        frozen = {p.name for p in model.parameters if not p.trainable} if model else set[str]()
        thawed = [s for s in unoptimized if s.name in frozen]
        if not any(len(s.shape) > 1 for s in thawed):
            return None
        parts = _modules([s.name for s in thawed])
        return self.finding(
            f"{_past(parts)} thawed (requires_grad=True) and not handed to the "
            f"optimizer: {_values(thawed):,} weights get gradients and never change",
            "Hand over what is thawed: optimizer.add_param_group({'params': the_part.parameters()}); or make a new "
            "optimizer.",
            severity="warning" if outcome_of(run) == "good" else "error",
            confidence=0.92,
            where=replace(optimizer_place(run), parameter=thawed[0].name),
            evidence=(
                Evidence(
                    signal=UnoptimizedParameters.kind,
                    value=float(len(thawed)),
                    threshold=0.0,
                    note="tensors that were frozen at the start, get gradients now, are in no optimizer, and never "
                    "change",
                ),
            ),
        )

    def _left_out(self, run: Run, unoptimized: Sequence[UnoptimizedParameter], *, compared: bool) -> Finding | None:
        """Parameters beside those that learn."""
        if not unoptimized or (any(s.fresh is False for s in unoptimized) and not any(s.fresh for s in unoptimized)):
            return None
        drawn = [s for s in unoptimized if s.fresh is not False]
        certain = any(s.fresh for s in drawn)
        model = run.fact(Model)
        own = _values(p for p in model.parameters if p.optimized) if model else 0
        share = _values(drawn) / (own + _values(unoptimized))
        outcome = outcome_of(run)
        severity: Severity = "error" if outcome == "none" or share > 0.5 else "warning"
        head = not compared and _gives_outputs(run, drawn)
        if outcome == "good" or share < self.large:
            severity = "warning" if head else "note"
        first = drawn[0].name
        return self.finding(
            f"no optimizer holds {_listed(drawn)}, which the loss depends on: {share:.0%} of the weights stay as drawn",
            "Hand them to the optimizer: keep layers in nn.ModuleList or as attributes, not in a plain list, and build "
            "it from model.parameters() once the model is complete.",
            severity=severity,
            confidence=0.92 if head or (certain and outcome != "good") else 0.7,
            where=replace(optimizer_place(run), parameter=first or None),
            evidence=(self._evidence(drawn, share, "get gradients, are in no optimizer, and never change"),),
        )

    def _idle(self, run: Run) -> Finding | None:
        """Matrices that begin at zero, so that they act only once they have learnt, and are frozen."""
        model = run.fact(Model)
        ran = {path for fact in run.facts(Ran) for path in fact.layers}
        idle = [p for p in model.parameters if p.zero and not p.trainable and _owner(p.name) in ran] if model else []
        if not idle or not _pretrained(run):
            return None
        return self.finding(
            f"{_listed(idle)} {'is' if len(idle) == 1 else 'are'} zero and frozen (requires_grad=False), so that an "
            "adapter, or whatever else is multiplied by it, does nothing and cannot learn",
            "Freeze the pre-trained weights before adapters and new layers are added to them, or thaw these again: "
            "requires_grad_(True); and build the optimizer after that.",
            severity="warning",
            confidence=0.9,
            where=Where(parameter=idle[0].name),
            evidence=(
                Evidence(signal="model", value=float(len(idle)), threshold=0.0, note="frozen matrices of zeros"),
            ),
        )

    def _frozen(self, run: Run) -> Finding | None:
        """Layers that are frozen although nothing was ever learnt in them."""
        model = run.fact(Model)
        ran = {path for fact in run.facts(Ran) for path in fact.layers}
        if model is None or not ran:
            return None
        thawed = {name for name, norms in run.table(signals.GRADIENT_NORM).columns() if len(norms.finite())}
        random = (p for p in model.parameters if not p.trainable and p.fresh and p.name not in thawed)
        frozen = [p for p in random if _owner(p.name) in ran]
        share = _values(frozen) / max(1, _values(model.parameters))
        head = _gives_outputs(run, frozen) and _pretrained(run) and not _adapted(run)
        if share < self.frozen and not head:
            return None
        poor = outcome_of(run) == "none" or (outcome_of(run) == "partial" and Learning.of(run).remaining > self.left)
        severity: Severity = "warning" if head or (poor and self._has_moved(run)) else "note"
        return self.finding(
            f"{_listed(frozen)} {'is' if len(frozen) == 1 else 'are'} frozen (requires_grad=False) with values as an "
            f"initialiser draws them: {share:.0%} of the weights",
            "Load the weights that they should have before freezing them, or let them learn (requires_grad=True).",
            severity=severity,
            confidence=0.9 if head else 0.65,
            where=Where(parameter=frozen[0].name),
            evidence=(
                Evidence(
                    signal="model",
                    value=share,
                    threshold=self.frozen,
                    note="share of all weights that is frozen, with values as an initialiser draws them",
                ),
            ),
        )

    def _has_moved(self, run: Run) -> bool:
        """Whether what is trained has moved by enough to show that it alone cannot do it; True where not sampled."""
        steps, last = Steps.of(run), run.last_step(signals.LOSS)
        return not len(steps) or last is None or steps.distance(last + 1) > self.moved

    def _evidence(self, unoptimized: Sequence[UnoptimizedParameter], share: float, note: str) -> Evidence:
        return Evidence(
            signal=UnoptimizedParameters.kind,
            value=share,
            threshold=self.large,
            note=f"share of the weights that {note}, in {_counted(len(unoptimized))}",
        )


def _beside(trainings: Sequence[Run]) -> Mapping[int, frozenset[int]]:
    """Of each training the numbers of the optimizers that step while it goes on."""
    numbers = [(run, fact.number) for run in trainings for fact in run.facts(Optimizer)[-1:]]
    return {
        run.number: frozenset(number for other, number in numbers if number is not None and meet(run, other))
        for run in trainings
    }


def _pretrained(run: Run) -> bool:
    """Whether most of the weights whose origin shows in their values were trained before."""
    model = run.fact(Model)
    known = [p for p in model.parameters if p.fresh is not None and len(p.shape) > 1] if model else []
    return _values(p for p in known if p.fresh is False) > 0.5 * _values(known)


def _adapted(run: Run) -> bool:
    """Whether something that is trained gives the outputs too, such as an adapter of a frozen head."""
    model, widths = run.fact(Model), _widths(run)
    trained = [p for p in model.parameters if p.trainable and p.optimized] if model else []
    return any(len(p.shape) > 1 and p.shape[0] in widths for p in trained)


def _gives_outputs(run: Run, unoptimized: Sequence[UnoptimizedParameter | Parameter]) -> bool:
    """Whether one of them is the weight of the layer that gives the outputs, such as a head that was replaced."""
    widths = _widths(run)
    return any(len(s.shape) == 2 and s.shape[0] in widths and s.fresh for s in unoptimized)


def _widths(run: Run) -> set[int]:
    return {call.output.shape[-1] for call in run.facts(Loss) if len(call.output.shape) > 1}


def _takes_the_place(new: tuple[int, ...], old: tuple[int, ...]) -> bool:
    """Whether shapes are the same but for one axis, such as that of the classes or of the vocabulary."""
    return len(new) == len(old) and sum(one != other for one, other in zip(new, old, strict=True)) <= 1


def _modules(names: Sequence[str]) -> list[str]:
    """The one module that holds all of these tensors; or the modules that hold them, each by itself."""
    owners = list(dict.fromkeys(_owner(name) or name for name in names if name))
    paths = [owner.split(".") for owner in owners]
    shared = list(takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False)))
    return [".".join(parts[0] for parts in shared)] if shared else owners


def _past(modules: Sequence[str]) -> str:
    """Their names and "was" or "were"; a number alone would be taken for a count."""
    names = [f"layer {name}" if name.isdigit() else name for name in modules]
    return f"{_some(names)} {'was' if len(names) == 1 else 'were'}"


def _counted(tensors: int) -> str:
    return f"{tensors} tensor{'s' if tensors > 1 else ''}"


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _values(tensors: Iterable[UnoptimizedParameter | Parameter]) -> int:
    return sum(math.prod(tensor.shape) for tensor in tensors)


def _listed(tensors: Sequence[UnoptimizedParameter | Parameter]) -> str:
    return _some([tensor.name for tensor in tensors if tensor.name]) or _counted(len(tensors))


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
