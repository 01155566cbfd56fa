"""D103: the inputs are all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning.evaluations import Evaluations
from unstuck.record import Evidence, Finding, NotEvaluated, Run, signals
from unstuck.record.facts import Inputs, Loss
from unstuck.rules.calls import call_place, loss_calls, outcome_of
from unstuck.rules.rule import Rule

__all__ = ["DataConstant"]


@dataclass(frozen=True, kw_only=True)
class DataConstant(Rule):
    """Inputs or targets carry no information: whatever the example, they are the same.

    Detects:
        Inputs of which no feature varies over the examples, such as images that became zero when they were cast to
        integers; class targets that are one and the same class.

    Why it matters:
        From equal inputs a model can learn nothing but the frequencies of the answers: the loss goes to that of a
        constant guess and stays there, whatever the rate or the width.

    Evidence:
        The deviation of each feature over all batches seen; the spread of the outputs between examples, which is
        then zero as well; the targets, which do vary.

    Known false positives:
        A fixed input that an optimisation starts from (a latent vector, an image that is fitted) may be constant on
        purpose: silent where learning goes well, and for batches of one example. Contrastive losses whose right answer
        always stands first are told by outputs that no layer gives directly.

    Try:
        Look at a batch right before the model: x.std(dim=0), x.unique(). Divide integers only after turning them
        into floats; check what a mask, a fill or a cast left of the data.

    References:
        Karpathy, "A recipe for training neural networks", 2019: visualize just before the net; input-independent
        baseline.
    """

    code = "D103"
    name = "data constant"
    cause = "data-constant"
    needs = (signals.LOSS,)

    flat: float = 1e-6  #: largest deviation of a feature over its size: rounding in single precision is 1e-7
    examples: int = 16  #: examples below which equal inputs may be chance (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        outcome = outcome_of(run)
        fact = max(
            (fact for fact in run.facts(Inputs) if fact.feature_stds), key=lambda fact: fact.examples, default=None
        )
        if fact is None and not loss_calls(run):
            yield NotEvaluated(reason="neither inputs nor targets were seen")
            return
        if fact is not None and outcome != "good":
            yield from self._inputs(run, fact)
        if outcome == "good":
            yield from self._targets(run)

    def _inputs(self, run: Run, fact: Inputs) -> Iterator[Finding]:
        stds, means = np.array(fact.feature_stds), np.array(fact.feature_means)
        size = float(np.abs(means).max())
        largest = float(stds.max())
        several = fact.examples >= self.examples and len(fact.shape) > 1 and fact.shape[0] > 1
        if not np.isfinite(largest) or largest > self.flat * max(size, 1e-12) or not several:
            return
        # Features of a table may differ from each other; statistics of an image are those of all its pixels.
        if fact.kind_of == "image" and fact.maximum - fact.minimum > self.flat * max(size, 1e-12):
            return
        spread = run.series(signals.OUTPUT_SPREAD).finite()
        outputs = float(np.median(spread.values)) if len(spread) else 0.0
        scale = run.series(signals.OUTPUT_STD).finite()
        same = len(spread) > 0 and outputs <= 1e-3 * (float(np.median(scale.values)) if len(scale) else 1.0)
        value = f"all {fact.minimum:.4g}" if fact.minimum == fact.maximum else "the same for every example"
        yield self.finding(
            f"the inputs carry no information: over {fact.examples} examples they are {value}",
            "Look at a batch right before the model (x.min(), x.max(), x.std(dim=0)): a cast to integers, a mask or a "
            "scaling has wiped the data out.",
            severity="error",
            confidence=0.95 if same or not len(spread) else 0.75,
            evidence=(
                Evidence(
                    signal="inputs", value=largest, threshold=self.flat * size, note="largest deviation of a feature"
                ),
                Evidence(signal="output_spread", value=outputs, note="between the outputs of different examples"),
            ),
        )

    def _targets(self, run: Run) -> Iterator[Finding]:
        """One class alone: the loss then falls to zero at once, and has shown nothing."""
        calls = [call for call in loss_calls(run) if call.target.type == "class" and sum(call.classes.counts)]
        if len(calls) != 1 or not _one_class(calls[0]):
            return
        call = calls[0]
        accuracy = Evaluations.of(run).accuracies.finite()
        if not len(accuracy) or float(accuracy.values[-1]) > 0.9:
            return
        total = sum(call.classes.counts)
        yield self.finding(
            f"the targets carry no information: all {total} seen are of class {int(np.argmax(call.classes.counts))}",
            "Look at the targets right before the loss: y.unique(). An index, a cast or the order of the data leaves "
            "one class alone.",
            severity="error",
            confidence=0.7,
            where=call_place(call),
            evidence=(
                Evidence(signal="loss", value=1.0, threshold=1.0, note="classes among the targets"),
                Evidence(signal="validation_accuracy", value=float(accuracy.values[-1]), note="on other examples"),
            ),
        )


def _one_class(call: Loss) -> bool:
    direct = call.output.operation in ("Addmm", "Mm", "Add", "Mv", "LogSoftmax", "")
    classes = call.classes
    return (classes.number or 0) > 1 and sum(count > 0 for count in classes.counts) == 1 and direct
