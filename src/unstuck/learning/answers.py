"""How many examples are classified rightly at the end of a training, of all and of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unstuck.learning.curve import Curve, Level
from unstuck.learning.guess import commonest
from unstuck.learning.loss_call import batch_size, loss_calls, weighs_examples
from unstuck.learning.measured import LATE, seen_late
from unstuck.learning.outcome import LEAST, Indication, Outcome, best_of, of_accuracy, of_recalls
from unstuck.record import Run, Series, signals
from unstuck.record.facts import Loader, Loss

__all__ = ["Answers", "answered"]

TOLD = 50
"""Examples whose answers tell an accuracy: nine of ten then have a standard error of 4%."""

ASKED = 20
"""Examples of a class, none of which is told rightly where it is missed: at most one in seven is (95%)."""

NAMED = 5
"""Classes that are named one by one."""


@dataclass(frozen=True)
class Answers:
    """The answers of the last part of a training.

    Attributes:
        accuracy: Share that is right over the last samples, which span a third of a long training, so that one noisy
            batch decides nothing; None where there are no classes, or too few answers. :func:`answered` is sharper.
        error: Its standard error.
        commonest: Share of the commonest class, which the best constant guess gets right; 0 where there are no classes.
        step: Updates made before the last of them.
        weighed: Whether the loss weighs classes or examples.
        sampled: Whether a sampler of the program's own draws the examples, so that classes may be as common in
            evaluations as they are not in training.
        balanced: What the mean recall of the classes says, where the loss is weighed and an example has one answer.
        missed: That many examples belong to classes of which none is told rightly; None where none do.
    """

    accuracy: float | None = None
    error: float = math.inf
    commonest: float = 0.0
    step: int = 0
    weighed: bool = False
    sampled: bool = False
    balanced: Indication | None = None
    missed: Indication | None = None

    @classmethod
    def of(cls, run: Run, loss: Loss | None) -> Answers:
        """The answers of a run.

        Args:
            run: The run.
            loss: The one loss that is called; None where there are several, or none is known.
        """
        calls = (loss,) if loss else loss_calls(run)
        answers = run.series(signals.ACCURACY).finite()
        late = _accuracy(run, answers) if seen_late(run, answers.steps) else None
        step = int(answers.steps[-1]) if len(answers) else 0
        weighed = any(call.weighted for call in calls) or (bool(calls) and weighs_examples(run))
        told = late is not None and weighed and len(calls) == 1 and _one_answer_each(calls[0])
        return cls(
            accuracy=late and late.value,
            error=late.error if late else math.inf,
            commonest=max(map(commonest, calls), default=0.0),
            step=step,
            weighed=weighed,
            sampled=any(loader.order == "other" and loader.updates for loader in run.facts(Loader)),
            balanced=_balanced(calls, step) if told else None,
            missed=_missed(calls[0], step) if late is not None and len(calls) == 1 else None,
        )

    @property
    def says(self) -> Outcome:
        """What they say together."""
        each: list[Outcome] = [one.says for one in self.evidence]
        return best_of(*each)

    @property
    def evidence(self) -> tuple[Indication, ...]:
        """What they say of learning."""
        if self.accuracy is None:
            return ()
        plain = of_accuracy(
            "training accuracy",
            self.accuracy,
            commonest=self.commonest,
            error=self.error,
            step=self.step,
            weighed=self.weighed,
        )
        return tuple(one for one in (plain, self.balanced, self.missed) if one)


def _one_answer_each(call: Loss) -> bool:
    """Whether an example has one answer: of several, such as pixels, each has a commonest class of its own."""
    shape = call.target.shape
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _balanced(calls: Sequence[Loss], step: int) -> Indication | None:
    classes = calls[0].classes
    return of_recalls(classes.recalls, classes.recall_examples, step=step)


def _missed(call: Loss, step: int) -> Indication | None:
    examples = np.array(call.classes.recall_examples)
    never = (np.array(call.classes.recalls) == 0.0) & (examples >= ASKED)
    share = float(examples[never].sum() / examples.sum()) if never.any() else 0.0
    if share < LEAST:
        return None
    ids = ", ".join(str(int(place)) for place in np.flatnonzero(never)[:NAMED])
    words = f"classes of {share:.0%} of the examples are never told rightly ({ids})"
    return Indication("classes", 1.0 - share, 1.0, 0.0, step, "unknown", words)


def answered(run: Run, *, since: int) -> Level | None:
    r"""Accuracy on the training examples from a step on, pooled over the batches that were seen.

    .. math:: p = \frac{\sum_i n_i p_i}{\sum_i n_i}, \qquad
        \sigma_p^2 = \max\Bigl(\frac{p (1 - p)}{\sum_i n_i},
        \frac{k}{k - 1} \frac{\sum_i n_i^2 (p_i - p)^2}{(\sum_i n_i)^2}\Bigr)

    over :math:`k` batches of :math:`n_i` examples. Single batches scatter as their examples do, so that fewer than
    :data:`TOLD` say nothing. Means over epochs, which a loop may tell, come first; of one alone no error is known.

    Args:
        run: The run.
        since: Updates made before the first batch that counts.

    Returns:
        The share and its standard error, or None for fewer examples than :data:`TOLD`.
    """
    told = run.series(signals.TRAIN_ACCURACY).finite()
    means = told.values[told.steps >= since]
    if len(means):
        error = float(means.std(ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else math.nan
        return Level(float(means.mean()), error)
    right, sizes = run.series(signals.ACCURACY).finite(), run.series(signals.BATCH_SIZE).finite()
    known = dict(zip(sizes.steps.tolist(), sizes.values.tolist(), strict=True))
    usual = batch_size(run, next(iter(loss_calls(run)), None))
    late = right.steps >= since
    shares = right.values[late]
    counts = np.array([known.get(step, usual) for step in right.steps[late].tolist()])
    total, batches = float(counts.sum()), len(counts)
    if total < TOLD:
        return None
    value = float(counts @ shares / total)
    scatter = float((counts * (shares - value)) @ (counts * (shares - value))) / total**2
    between = math.sqrt(scatter * batches / (batches - 1)) if batches > 1 else 0.0
    return Level(value, max(between, _binomial(value, total)))


def _binomial(share: float, count: float) -> float:
    """Standard error of a share of independent answers; of those that are all right, as of one that is not."""
    return math.sqrt(max(share * (1.0 - share), 1.0 / max(count, 1.0)) / max(count, 1.0))


def _accuracy(run: Run, accuracy: Series) -> Level | None:
    """Accuracy at the end, over enough examples to be no chance; None where late samples hold fewer."""
    curve, sizes = Curve.of(accuracy), run.series(signals.BATCH_SIZE).finite().values
    each = max(float(np.median(sizes)), 1.0) if len(sizes) else math.inf  # less is that of a damaged run
    tail = max(len(curve.within(0.9, 1.0)), 5)
    late = curve.values[curve.share >= LATE][-math.ceil(TOLD / each) :]
    if tail * each >= TOLD:
        value, error, count = *curve.end, tail * each
    elif len(late) * each >= TOLD:
        value, error, count = float(late.mean()), 0.0, len(late) * each
    else:
        return None
    # As of independent answers at least, however alike the few means are.
    return Level(value, max(error if math.isfinite(error) else 0.0, _binomial(value, count)))
