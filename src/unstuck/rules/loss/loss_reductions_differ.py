"""L302: one term of a loss is a mean over the elements of an example, another a sum over its entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning import batch_size
from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import Loss, LossTerms
from unstuck.rules.gates import NO_GAME
from unstuck.rules.rule import Rule
from unstuck.rules.terms import LATE_LOOKS, UNLEARNT, Course, Task, courses, named, tasks

__all__ = ["LossReductionsDiffer"]


@dataclass(frozen=True)
class _Averaged:
    """A task whose loss is a mean over all elements of all examples.

    Attributes:
        task: The task.
        each: Elements of an example.
        share: What each element of it is multiplied by in the sum of all terms, for a batch of one example.
    """

    task: Task
    each: float
    share: float


@dataclass(frozen=True, kw_only=True)
class LossReductionsDiffer(Rule):
    r"""The error is divided by the elements of an example, and a penalty that is added to it is not.

    Detects:
        A sum of several terms. One is the loss of targets with many elements each, such as pixels, by their mean;
        another adds up several entries of each example, so that each of them weighs many times what an element does.
        At the end the first is that of a constant guess, and the second has gone.

    Why it matters:
        The bound that a variational autoencoder maximises is, for each example, a sum over its pixels less a sum over
        its latent units. With the mean of E pixels, the divergence weighs E times too much: the cheapest code says
        nothing of the input, and the decoder gives the mean image (posterior collapse). The total falls all the same.

    Evidence:
        What each element is multiplied by, from the reduction of the loss and the sums and means of the graph; the
        terms at the start and at the end; the loss of the best constant guess.

    Known false positives:
        A divergence that is divided by the elements by hand, or weighed accordingly, counts with that factor. A term
        that is learnt all the same is passed over, and so is one added to which nothing has fallen; penalties of
        weights add up nothing of examples.

    Try:
        ``reduction="sum"`` divided by the number of examples for the error, or the other term divided by the elements
        of an example.

    References:
        Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 10; Higgins et al., "beta-VAE", ICLR
        2017, section 2, on the normalised weight :math:`\beta M / N`.
    """

    code = "L302"
    name = "loss reductions differ"
    cause = "loss-reduction-wrong"
    needs = (LossTerms, Loss)
    applies_to = (NO_GAME, LATE_LOOKS)

    elements: float = 8.0  #: of an example, from which on a mean over them is far from their sum (our choice)
    factor: float = 4.0  #: what an entry weighs over an element; a divergence has a factor of a half in it (our choice)
    fallen: float = 0.5  #: share of the summed term that is left, below which it was learnt (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        batch = batch_size(run)
        every = courses(run)
        for averaged in (found for task in tasks(run) if (found := self._averaged(task, batch)) is not None):
            if not averaged.task.unlearnt:
                continue
            for summed in every:
                ratio = self._weight(summed, batch) / averaged.share
                if ratio >= self.factor and summed.end <= self.fallen * summed.start:
                    yield self._report(averaged, summed, ratio)
                    return

    def _averaged(self, task: Task, batch: float) -> _Averaged | None:
        """A task as one of means; None where elements of an example are added up, or it has few of them."""
        each, share = task.elements / max(batch, 1.0), task.course.factor * task.share * batch
        if each < self.elements or task.summed % max(each, 1.0) == 0.0 or not share > 0.0:
            return None
        return _Averaged(task, each, share)

    def _weight(self, course: Course, batch: float) -> float:
        """What an entry of a term is multiplied by, for a batch of one; 0 where the term adds up none of examples."""
        term = course.term
        of_examples = len(term.shape) > 1 and term.shape[0] == batch and term.summed > 1
        return course.factor * abs(term.share) * batch if of_examples and term.share else 0.0

    def _report(self, averaged: _Averaged, summed: Course, ratio: float) -> Finding:
        task, term = averaged.task, averaged.task.course.term
        call = task.call
        return self.finding(
            f"{named(term)} is a mean over the {averaged.each:,.0f} elements of an example, {named(summed.term)} a sum "
            f"over entries, each of which weighs {ratio:,.3g} times what an element does: the first is not learnt, and "
            f"ends at {task.course.level:.3g} where a constant guess has {task.guess:.3g}",
            "Take one reduction for all terms: sums over what belongs to an example, and the mean over examples.",
            severity="error",
            confidence=0.9,
            where=Where(file=call.file, line=call.line),
            evidence=(
                Evidence(
                    signal=LossTerms.kind,
                    value=ratio,
                    threshold=self.factor,
                    note=f"weight of an entry of {named(summed.term)} over that of an element",
                ),
                Evidence(
                    signal=LossTerms.kind,
                    value=task.gain,
                    threshold=UNLEARNT,
                    note=f"share of {named(term)} that was learnt, from its constant guess of {task.guess:.3g}",
                ),
                Evidence(
                    signal=LossTerms.kind,
                    value=summed.end / max(summed.start, 1e-30),
                    threshold=self.fallen,
                    note="share of the summed term that is left at the end",
                ),
            ),
        )
