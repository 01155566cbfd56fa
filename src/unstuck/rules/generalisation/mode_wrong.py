"""R301: layers in the wrong mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning.evaluations import UNMEASURED, Evaluations
from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Where, signals
from unstuck.record.facts import Graph, Modes, Predictions, StaleCopy
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["ModeWrong"]


@dataclass(frozen=True, kw_only=True)
class ModeWrong(Rule):
    """Dropout or batch norm is in evaluation mode while training, or in training mode while evaluating.

    Detects:
        A model that trains in evaluation mode, most often since the first evaluation; evaluations that are all made in
        training mode, with dropout at work or batch statistics in use, also where nothing but the classes of fresh
        examples is predicted at the end; batch norms that evaluate by the statistics they were made with, for they
        never moved, or were left out where trained weights were loaded.

    Why it matters:
        Training without dropout overfits, and without batch statistics does not normalise. Evaluations in training mode
        are too pessimistic, depend on the batch, and move the running statistics by validation data. A batch norm that
        evaluates by mean 0 and variance 1 computes another function than the one that was trained.

    Evidence:
        The modes of all dropouts and batch norms in passes that a backward pass followed, and in those without
        gradients; the running statistics themselves.

    Known false positives:
        Batch norms whose own parameters are frozen too, those of a frozen backbone, are passed over, and so is a model
        that itself is in training mode while some of its layers evaluate. Dropout at evaluation on purpose (Monte Carlo
        dropout) is passed over where some evaluations are made without, or where the same examples are predicted many
        times. A model fine-tuned in evaluation mode from learnt statistics gets a note unless learning fails.

    Try:
        model.train() at the start of each training epoch, model.eval() before each evaluation; momentum=0.1 in batch
        norms.

    References:
        PyTorch documentation, torch.nn.Module.eval; Ioffe and Szegedy, "Batch normalization", ICML 2015, section 3.1;
        Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
    """

    code = "R301"
    name = "wrong mode"
    cause = "mode-wrong"
    needs = (Modes,)

    trained: int = 10  #: updates after which running statistics must have moved (our choice)
    fresh: float = 0.75  #: share of predicted examples that are met once, and not in training (our choice)
    few: int = 10  #: examples below which predictions are looked at, and are no test (our choice)
    most: float = 0.5  #: share of the training in evaluation mode; a last phase without dropout is passed over

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        losses = run.series(signals.LOSS)
        length = int(losses.steps[-1]) + 1 if len(losses) else 0
        modes = run.facts(Modes)
        training = [fact for fact in modes if fact.phase == "training"]
        evaluations = [fact for fact in modes if fact.phase == "evaluation"]
        found = (
            self._trains_in_evaluation(run, training, evaluations, length)
            or self._never_moved(run, training, evaluations)
            or self._half_loaded(run, training, length)
            or self._left_behind(run)
            or self._evaluates_in_training(run, evaluations, length)
        )
        if found is not None:
            yield found

    def _trains_in_evaluation(
        self, run: Run, training: list[Modes], evaluations: list[Modes], length: int
    ) -> Finding | None:
        if not training or length < self.trained:
            return None
        last = training[-1]
        idle_norms = last.norms_evaluating - last.frozen_norms
        wrong = not last.model_training and not last.norms_training and not last.dropouts_training
        if not wrong or not (idle_norms > 0 or last.dropouts_evaluating):
            return None
        if length - last.step < self.most * length:
            return None
        switched = any(fact.model_training for fact in training) and any(e.step <= last.step for e in evaluations)
        outcome = outcome_of(run)
        unmoved = idle_norms > 0 and last.unmoved_norms > 0
        severity: Severity = "note"
        if outcome != "good" and (unmoved or switched):
            severity = "error" if outcome == "none" else "warning"
        elif unmoved or switched or outcome == "none":
            severity = "warning"
        parts = _parts(idle_norms, last.dropouts_evaluating)
        since = "since the first evaluation" if switched else f"since step {last.step}"
        return self._report(
            f"the model trains in evaluation mode {since}: {parts} do not do their work",
            "Call model.train() at the start of each training epoch, after each evaluation's model.eval().",
            last,
            severity=severity,
            confidence=0.93 if switched or unmoved else 0.6,
            note=f"{parts} in evaluation mode in passes that a backward pass followed"
            + (", with the statistics that they were made with" if unmoved else ""),
            where=_backward(run),
        )

    def _never_moved(self, run: Run, training: list[Modes], evaluations: list[Modes]) -> Finding | None:
        late = [fact for fact in evaluations if fact.step >= self.trained]
        if not late or not late[-1].unmoved_norms or not any(fact.norms_training for fact in training):
            return None
        return self._report(
            "batch norms evaluate by mean 0 and variance 1: their running statistics never moved while they trained by "
            "those of each batch",
            "Give the batch norms a momentum above 0 (0.1 is usual), and train in training mode before evaluating.",
            late[-1],
            severity="error",
            confidence=0.95,
            note=f"{late[-1].unmoved_norms} batch norms with unmoved statistics in an evaluation",
            where=Where(),
        )

    def _half_loaded(self, run: Run, training: list[Modes], length: int) -> Finding | None:
        if not training or length < self.trained or not training[-1].half_loaded_norms:
            return None
        outcome = outcome_of(run)
        return self._report(
            "frozen batch norms have the weights of a training, but not its running statistics: they normalise by mean "
            "0 and variance 1",
            "Load the buffers with the parameters: model.load_state_dict(checkpoint) takes the names of "
            "model.state_dict(), those of named_parameters() hold no running statistics.",
            training[-1],
            severity="error" if outcome == "none" else "note" if outcome == "good" else "warning",
            confidence=0.9,
            note=f"{training[-1].half_loaded_norms} frozen batch norms with a learnt bias and unmoved statistics",
            where=Where(),
        )

    def _left_behind(self, run: Run) -> Finding | None:
        """A copy that averages the weights, and not what the batch norms count."""
        stale = next(iter(run.facts(StaleCopy)), None)
        if stale is None:
            return None
        made = "mean 0 and variance 1, which they were made with" if stale.as_made else "what they were at its making"
        return self.about(
            stale,
            f"a copy of the model is evaluated whose weights follow those that are trained, while its batch norms "
            f"normalise by {made}: their running statistics were not copied",
            "Copy or average the buffers with the parameters: go through state_dict() in place of parameters(); with "
            "AveragedModel use_buffers=True, or update_bn() before evaluating.",
            value=float(stale.norms),
            threshold=0.0,
            note="batch norms with the weights of a training and the running statistics of before",
            severity="error",
            confidence=0.93,
        )

    def _predicts_last(self, predictions: Predictions, length: int) -> bool:
        """Whether classes of fresh examples are predicted, each once, and nothing is learnt afterwards.

        What is done during the training may serve it: actions of an agent, labels of a teacher, statistics.
        """
        distinct = predictions.distinct
        fresh = distinct >= self.fresh * predictions.examples and predictions.trained <= (1 - self.fresh) * distinct
        return predictions.step >= length and fresh and predictions.predicted >= max(distinct, self.few)

    def _evaluates_in_training(self, run: Run, evaluations: list[Modes], length: int) -> Finding | NotEvaluated | None:
        seen = Evaluations.of(run)
        if not evaluations or not seen.count:
            return None
        wrong = all(fact.model_training and fact.dropouts_training + fact.norms_training for fact in evaluations)
        if not wrong:
            return None
        last = evaluations[-1]
        if not seen.measured and not any(self._predicts_last(fact, length) for fact in run.facts(Predictions)):
            # What passes without gradients are for that nothing is seen to be measured by is not known.
            return NotEvaluated(reason=f"evaluations were seen, but {UNMEASURED}")
        parts = _parts(last.norms_training, last.dropouts_training)
        return self._report(
            f"evaluations are made in training mode: {parts} work as in training, so that their results are wrong",
            "Call model.eval() before each evaluation, and model.train() after it.",
            last,
            severity="warning",
            confidence=0.9,
            note=f"{parts} in training mode in all evaluations",
            where=Where(),
        )

    def _report(
        self,
        summary: str,
        advice: str,
        fact: Modes,
        *,
        severity: Severity,
        confidence: float,
        note: str,
        where: Where,
    ) -> Finding:
        count = max(fact.norms_evaluating + fact.dropouts_evaluating, fact.norms_training + fact.dropouts_training)
        return self.finding(
            summary,
            advice,
            severity=severity,
            confidence=confidence,
            where=where,
            evidence=(
                Evidence(signal="modes", value=float(count), threshold=0.0, steps=(fact.step, fact.step), note=note),
            ),
        )


def _parts(norms: int, dropouts: int) -> str:
    words = [
        f"{count} {name}{'s' if count > 1 else ''}"
        for count, name in ((norms, "batch norm"), (dropouts, "dropout"))
        if count
    ]
    return " and ".join(words)


def _backward(run: Run) -> Where:
    graph = run.fact(Graph)
    return Where(file=graph.file, line=graph.line) if graph else Where()
