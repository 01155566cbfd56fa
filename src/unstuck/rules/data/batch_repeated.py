"""D302: every step trains on one and the same batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.learning.evaluations import Evaluations
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, Run, Severity, signals
from unstuck.record.facts import Loader, Overlap, Passes
from unstuck.rules.gates import losses
from unstuck.rules.rule import Rule

__all__ = ["BatchRepeated"]


@dataclass(frozen=True, kw_only=True)
class BatchRepeated(Rule):
    """The same batch comes at every step, although there is more data.

    Detects:
        A loader of many batches that is begun anew for each step, so that only its first batch is ever used; a batch
        that was taken once before the loop; a slice that always starts at zero.

    Why it matters:
        The model learns a few examples by heart. The training loss looks perfect and means nothing.

    Evidence:
        Examples of each sampled batch that earlier samples held already: all of them, from the second step on; the
        iterators made of the loader against the steps; validation against training loss.

    Known false positives:
        Training on the whole data at every step has one batch too: a loader with a single batch is never reported, and
        without a loader only where validation holds more examples than training ever met, and fails on them. To fit one
        batch on purpose is a good test: a note, where nothing is evaluated.

    Try:
        Iterate over the loader itself: ``for x, y in loader``. ``next(iter(loader))`` makes a new iterator each time,
        which begins at the first batch.

    References:
        PyTorch documentation, "torch.utils.data", loading batched data; Karpathy, "A recipe for training neural
        networks", 2019: overfit one batch.
    """

    code = "D302"
    name = "one batch for ever"
    cause = "data-constant"
    needs = (signals.LOSS, signals.BATCH_SEEN_BEFORE)
    applies_to = (losses(20),)

    seen: float = (
        0.99  #: share of a batch met before, at every sample but the first; chance gives far less (our choice)
    )
    steps: int = 20  #: steps below which one batch may be all that was meant (our choice)
    gap: float = 2.0  #: validation loss over training loss at the end that shows learning by heart (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        before = run.series(signals.BATCH_SEEN_BEFORE)
        early = before.values[1:]
        if len(early) < 5 or float(early.min()) < self.seen or before.steps[0] > 2:
            return
        loader = max(run.facts(Loader), key=lambda fact: fact.updates, default=None)
        evidence = Evidence(
            signal="batch_seen_before",
            value=float(np.min(early)),
            threshold=self.seen,
            steps=(int(before.steps[1]), int(before.steps[-1])),
            note="examples that earlier steps held already",
        )
        finding = self._loaded(run, loader, evidence) if loader is not None else self._sliced(run, evidence)
        if finding is not None:
            yield finding

    def _loaded(self, run: Run, loader: Loader, evidence: Evidence) -> Finding | None:
        if loader.batches is None or loader.batches < 2 or loader.updates < self.steps:
            return None
        passes = run.fact(Passes)
        if passes is not None and passes.forward >= 2 * passes.updates > 0:
            return None  # further batches do go through the model
        anew = loader.begun >= 0.9 * loader.updates
        once = loader.updates > 2 * loader.begun * loader.batches
        if not anew and not once:
            return None
        on_purpose = once and not Evaluations.of(run).measured
        severity: Severity = "note" if on_purpose else "error"
        how = f"its iterator is made anew {loader.begun} times" if anew else f"{loader.begun} batch was taken from it"
        return self.finding(
            f"all {loader.updates} steps train on the same batch of a loader that has {loader.batches}: {how}",
            "Go through the loader: for x, y in loader. next(iter(loader)) always gives the first batch.",
            severity=severity,
            confidence=0.95 if anew else 0.85,
            evidence=(
                evidence,
                Evidence(
                    signal="loader",
                    value=float(loader.begun),
                    threshold=float(loader.updates) / loader.batches,
                    note=f"iterators made, for {loader.updates} updates; an epoch would take {loader.batches} of them",
                ),
            ),
        )

    def _sliced(self, run: Run, evidence: Evidence) -> Finding | None:
        overlap, validated = run.fact(Overlap), Validation.of(run)
        if overlap is None or validated.loss is None or overlap.evaluated < 1.5 * overlap.trained:
            return None
        learning = Learning.of(run)
        end = max(learning.measured.curve.end.value, 0.0)
        if overlap.seen_in_training or validated.loss < self.gap * end or validated.loss < 0.3 * learning.reference:
            return None
        return self.finding(
            f"all {int(learning.curve.steps[-1]) + 1} steps train on the same {overlap.trained} examples, "
            f"and validation on {overlap.evaluated} others fails",
            "Check the slice or index that cuts the batches: it gives the same examples at every step.",
            severity="warning",
            confidence=0.6,
            evidence=(
                evidence,
                Evidence(
                    signal="validation_loss",
                    value=validated.loss,
                    threshold=self.gap * end,
                    note=f"the training loss ends at {end:.4g}",
                ),
            ),
        )
