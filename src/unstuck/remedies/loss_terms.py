"""The terms of a loss that adds several up, weighed differently."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Tensor

from unstuck.learning.loss_call import called_and_differentiated
from unstuck.observe.autograd.graph import TRANSPARENT, operation
from unstuck.observe.autograd.summands import ADDED, summands
from unstuck.record import Finding, Run
from unstuck.record.facts import LossTerms as Seen
from unstuck.remedies import effects
from unstuck.remedies.arguments import argument
from unstuck.remedies.change import Change, Setting
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_backward
from unstuck.remedies.remedy import Remedy
from unstuck.rules.terms import courses, named

__all__ = ["LossTerms"]

OF_WEIGHTS = TRANSPARENT | {
    *("Abs", "Pow", "Square", "Sqrt", "Norm", "LinalgVectorNorm", "Sum", "Mean", "Mul", "Div", "Add", "Sub", "Neg"),
    *("Stack", "Cat", "Sign", "Clamp", "ClampMin", "Exp", "Log", "AccumulateGrad"),
}
"""Operations of which penalties on weights are made; what is computed of inputs has products of matrices, too."""

REDUCING = TRANSPARENT | {"Sum", "Mean", "Mul", "Div", "Neg"}

LOSSES_OF_TARGETS = frozenset(
    {
        *("MseLoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "NllLoss", "NllLoss2D", "CtcLoss", "CrossEntropyLoss"),
        *("BinaryCrossEntropy", "BinaryCrossEntropyWithLogits"),
    }
)

MOST_NODES = 4_000

HEAVY = 3.0
"""Times by which a term must be larger than another for weighing it down to be worth a trial where no finding asks."""

ADDED_SHARE = 0.1
"""Share of the loss that a penalty must be for a trial where no finding asks."""

WEAKER = 0.01
"""What a penalty is multiplied by in advice."""


class LossTerms(Remedy):
    """Weaken one term of a sum, or the penalty on the weights in it.

    Changes: before each backward pass the loss is taken apart into what it adds up; what a term hands back is
    multiplied by ``factor``: that at ``place`` of ``number`` (``of="term"``), those that are no loss function's of
    PyTorch (``of="beside"``), or those that are made of weights alone (``of="penalty"``). Its value stays part of the
    loss, which is recorded as the script has it.

    Not made: of terms that are added up element by element, or of a loss with other terms from step to step.

    Applies: where terms of a sum were seen, or more is differentiated than what a loss function returned.

    Proves: a penalty that the script adds by hand and that is too strong; terms of which one drowns the others, also
    because one is a mean and another a sum.
    """

    name = "loss-terms"
    proves = ("regularisation-too-strong", "loss-terms-unbalanced", "loss-reduction-wrong")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """The penalty weakened and left out; the heaviest term at the size of the lightest, as at the start."""
        found: list[Change] = []
        asked = finding is not None and finding.cause in self.proves
        if _penalised(run, least=0.0 if asked else ADDED_SHARE):
            found += [Change(remedy=self.name, settings={"of": "penalty", "factor": by}) for by in (WEAKER, 0.0)]
        balanced = _balanced(run, finding if asked else None)
        return [*found, *([balanced] if balanced else [])]

    def proved_by(self, change: Change, run: Run) -> Sequence[str]:
        """A weaker penalty proves that it was too strong, another weight of a term that terms were unbalanced."""
        return self.proves[:1] if change.settings["of"] == "penalty" else self.proves[1:]

    def words(self, change: Change, run: Run) -> str:
        """``"with the penalty on the weights times 0.01"``."""
        factor = change.number("factor") or 0.0
        if change.settings["of"] == "penalty":
            return (
                f"with the penalty on the weights times {factor:.3g}"
                if factor
                else "without the penalty on the weights"
            )
        return f"with {change.settings['words']} times {factor:.2g}"

    def obstacle(self, run: Run) -> str | None:
        """None is known."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Multiply what terms hand back."""
        factor = change.number("factor") or 0.0

        def weighed(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(gradient if gradient is None else gradient * factor for gradient in gradients)

        def backward(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            given = argument(args, kwargs, 0, "tensors")
            roots: Sequence[Tensor] = (given,) if isinstance(given, Tensor) else tuple(given)
            handles = [node.register_prehook(weighed) for root in roots for node in _meant(root, change)]
            if handles:
                effects.happened(self.name)
            try:
                return run(*args, **kwargs)
            finally:
                for handle in handles:
                    handle.remove()

        with around_backward(backward):
            yield


def _meant(root: Tensor, change: Change) -> list[Any]:
    """The terms of a loss that a change is of."""
    terms = list(summands(root.grad_fn)) if root.grad_fn is not None else []
    if len(terms) < ADDED:
        return []
    if change.settings["of"] in CHOICES:
        meant = [term for term in terms if CHOICES[str(change.settings["of"])](term)]
        return meant if len(meant) < len(terms) else []
    return [terms[round(change.number("place") or 0.0)]] if len(terms) == change.number("number") else []


def _is_of_weights(term: Any) -> bool:
    """Whether a term is computed of leaves that learn by operations that take nothing else."""
    seen, queue = {term}, [term]
    while queue and len(seen) <= MOST_NODES:
        node = queue.pop()
        if not operation(node).endswith("AccumulateGrad") and operation(node) not in OF_WEIGHTS:
            return False
        for successor, _ in node.next_functions:
            if successor is not None and successor not in seen:
                seen.add(successor)
                queue.append(successor)
    return not queue


def _is_no_loss(term: Any) -> bool:
    """Whether a term is no sum, mean or multiple of a loss function's."""
    node = term
    for _ in range(MOST_NODES):
        known = [successor for successor, _ in node.next_functions if successor is not None]
        if operation(node) not in REDUCING or len(known) != 1:
            break
        node = known[0]
    return operation(node) not in LOSSES_OF_TARGETS


CHOICES: Mapping[str, Callable[[Any], bool]] = {"penalty": _is_of_weights, "beside": _is_no_loss}


def _penalised(run: Run, *, least: float) -> bool:
    """Whether more is differentiated than what the one loss function returned, by more than a share of it."""
    _, called, differentiated = called_and_differentiated(run)
    known = np.abs(differentiated) > 0.0
    if known.sum() < ADDED:
        return False
    shares = 1.0 - called[known] / differentiated[known]
    return float(np.median(shares)) > max(least, 1e-6) and float(np.ptp(shares)) > 1e-6


def _balanced(run: Run, finding: Finding | None) -> Change | None:
    """The heaviest term weighed down to the size of the lightest that is a loss, or as a finding says."""
    every = courses(run)
    lightest = min((course.start for course in every if course.term.function and course.start > 0.0), default=0.0)
    if len(every) < ADDED or not lightest:
        return None
    stated = finding.evidence[0] if finding is not None and finding.evidence else None
    if stated is not None and stated.signal == Seen.kind and stated.value:
        others = [course for course in every if not course.term.function] or every
        heavy, factor = max(others, key=lambda course: course.start), 1.0 / float(stated.value)
    else:
        heavy = max(every, key=lambda course: course.start)
        factor = lightest / heavy.start
        if factor > 1.0 / HEAVY:
            return None
    settings: dict[str, Setting] = {"words": named(heavy.term), "factor": float(f"{factor:.2g}")}
    if not heavy.term.function:
        return Change(remedy=LossTerms.name, settings={"of": "beside", **settings})
    places: dict[str, Setting] = {"of": "term", "place": every.index(heavy), "number": len(every)}
    return Change(remedy=LossTerms.name, settings=places | settings)
