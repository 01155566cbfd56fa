"""M302: softmax, norm or loss over the wrong axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Where
from unstuck.record.facts import (
    Contraction,
    Inputs,
    Loss,
    LossOutput,
    Model,
    Normalisation,
    OutputSoftmax,
    Reinterpretation,
    Softmax,
)
from unstuck.rules.calls import call_place, loss_calls, outcome_of
from unstuck.rules.rule import Rule

__all__ = ["WrongAxis"]

CLASSES = ("cross_entropy", "nll_loss")
PRODUCTS = ("Addmm", "Mm", "Add", "Linear", "Mv", "Bmm")

IMAGES = 4
"""Axes of a batch of maps: examples, channels, height and width."""


@dataclass(frozen=True, kw_only=True)
class WrongAxis(Rule):
    """A softmax, a norm or the loss runs over examples or moments in place of classes or features.

    Detects:
        A log_softmax or softmax before the loss along another axis than that of the classes, or along the height or
        width of the maps that the model puts out; a loss over classes whose
        outputs (N, T, C) have as many moments as classes and were not transposed to (N, C, T), as it expects
        them; attention whose weights are normalised over another axis than the one that they are summed over; a
        softmax, norm or cosine inside the model along the axis of the examples; a view that exchanges two axes within
        an example.

    Why it matters:
        Over the batch, each example's probabilities depend on the others and need not sum to one; training finds a
        way to lower that number which does not help at one example.

    Evidence:
        The axis and the shape, and the line.

    Known false positives:
        A symmetric contrastive loss takes both axes of a square on purpose, attention over the instances of a bag runs
        over the first axis of one example: squares, and first axes that do not count examples, are passed over. Soft
        assignments to clusters are normalised over these and summed over what they group: of weights, only those among
        the elements of one set, and those over a single entry, are judged. Where learning is good, a note; a warning
        where the loss itself runs over the examples.

    Try:
        softmax(..., dim=1) for (N, C), dim=-1 for (N, T, C); logits.transpose(1, 2) before cross_entropy with targets
        (N, T), or flatten both.

    References:
        PyTorch documentation, torch.nn.CrossEntropyLoss, shapes: input (N, C, d1, ...), target (N, d1, ...).
    """

    code = "M302"
    name = "wrong axis"
    cause = "wrong-axis"
    needs = (Model,)

    examples: int = 2  #: examples from which an axis of them can be told from one of length 1

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        calls = loss_calls(run)
        if not calls and not any(map(run.knows, (Inputs, Softmax, Normalisation, Reinterpretation, Contraction))):
            yield NotEvaluated(reason="neither inputs nor calls were seen, as in compiled code")
            return
        for call in calls:
            found = self._of_loss(run, call)
            if found is not None:
                yield found
                return
        found = self._of_weights(run) or self._inside(run)
        if found is not None:
            yield found

    def _report(
        self,
        run: Run,
        summary: str,
        advice: str,
        evidence: Evidence,
        where: Where,
        confidence: float = 0.93,
        learnt: Severity = "note",
    ) -> Finding:
        severity: Severity = learnt if outcome_of(run) == "good" else "error"
        return self.finding(
            summary, advice, severity=severity, confidence=confidence, where=where, evidence=(evidence,)
        )

    def _of_loss(self, run: Run, call: Loss) -> Finding | None:
        if call.function not in CLASSES or len(call.output.shape) < 2:
            return None
        softmax = call.output.softmax
        # A square of similarities has a softmax over either axis, and each class once in every batch.
        each_once = len(set(call.classes.counts)) <= 1
        square = softmax is not None and softmax.shape[:1] == softmax.shape[1:2] and each_once
        if softmax is not None and not _over_classes(call.output, softmax) and not square:
            classes = 1 if softmax.class_axis is None else softmax.class_axis
            return self._report(
                run,
                f"the {call.output.operation} before {call.function} runs over axis {softmax.axis} of {softmax.shape}, "
                f"the classes are axis {classes}",
                f"Give it dim={classes}, so that the probabilities of the classes add up to 1.",
                Evidence(
                    signal="loss",
                    value=float(softmax.axis),
                    threshold=1.0,
                    note=f"outputs of shape {softmax.shape}",
                ),
                call_place(call),
                confidence=0.96,
                learnt="warning",  # what is learnt then tells examples of one batch apart, and no example by itself
            )
        shape = call.output.shape
        moments = call.target.shape[1:2] == (shape[2] if len(shape) == 3 else -1,)
        if call.target.type == "class" and moments and shape[1] == shape[2] and call.output.operation in PRODUCTS:
            if call.output.transposed:
                return None
            return self._report(
                run,
                f"{call.function} takes axis 1 of the outputs {shape} for the classes; the last layer has them on "
                "axis 2",
                "Give it logits.transpose(1, 2) with targets (N, T), or flatten both: logits.flatten(0, 1), "
                "targets.flatten().",
                Evidence(signal="loss", value=1.0, threshold=2.0, note=f"targets of shape {call.target.shape}"),
                call_place(call),
                confidence=0.9,
            )
        return None

    def _of_weights(self, run: Run) -> Finding | None:
        """Weights of an attention that do not add up to one over what they weigh."""
        for fact in run.facts(Contraction):
            one = fact.shape[fact.axis] == 1
            if fact.axis == fact.contracted or not (one or fact.among_themselves):
                continue
            places = [s for s in run.facts(Softmax) if (s.axis, s.shape) == (fact.axis, fact.shape)]
            place = places[0] if places else None
            gives = "where it has one entry and gives 1 everywhere, " if one else ""
            return self._report(
                run,
                f"softmax runs over axis {fact.axis} of {fact.shape}, {gives}but its weights are summed over axis "
                f"{fact.contracted}",
                f"Give it dim={fact.contracted}, the axis that the weights are summed over, so that they add up to 1.",
                Evidence(
                    signal=fact.kind,
                    value=float(fact.axis),
                    threshold=float(fact.contracted),
                    note=f"axis of the softmax over weights of shape {fact.shape}",
                ),
                Where(module=place.where or None, file=place.file, line=place.line) if place else Where(),
                confidence=0.85,
            )
        return None

    def _inside(self, run: Run) -> Finding | None:
        for fact in run.facts(Softmax):
            if fact.shape[fact.axis] == 1 and fact.axis < len(fact.shape) - 1 and fact.shape[-1] > 1:
                return self._report(
                    run,
                    f"softmax runs over axis {fact.axis} of {fact.shape}, which has one entry: it gives 1 everywhere",
                    "Give it the axis of what is chosen among: dim=-1 for the keys of attention, or for actions.",
                    Evidence(signal=fact.kind, value=1.0, threshold=2.0, note="entries of the axis"),
                    Where(module=fact.where or None, file=fact.file, line=fact.line),
                    confidence=0.85,
                )
        inputs = run.fact(Inputs)
        count = inputs.shape[0] if inputs is not None and inputs.shape else 0
        if count < self.examples:
            return None
        for fact in run.facts(Softmax):
            if fact.of_output and len(fact.shape) == IMAGES and fact.axis >= 2 and fact.shape[1] > 1:
                return self._report(
                    run,
                    f"softmax runs over axis {fact.axis} of the model's output {fact.shape}, along the image; the "
                    "classes are axis 1",
                    "Give it dim=1, so that the classes of each pixel add up to one.",
                    Evidence(signal=fact.kind, value=float(fact.axis), threshold=1.0, note="axis of the softmax"),
                    Where(module=fact.where or None, file=fact.file, line=fact.line),
                    confidence=0.85,
                )
        for fact in (*run.facts(Softmax), *run.facts(Normalisation)):
            if fact.axis != 0 or len(fact.shape) < 2 or fact.shape[0] != count or count in fact.shape[1:]:
                continue
            what = "softmax" if isinstance(fact, Softmax) else fact.function
            return self._report(
                run,
                f"{what} runs over axis 0 of {fact.shape}, which counts the examples",
                "Give it the axis of the classes or features: dim=1, or dim=-1 for the last.",
                Evidence(signal=fact.kind, value=0.0, threshold=1.0, note=f"axis of the {what}"),
                Where(module=fact.where or None, file=fact.file, line=fact.line),
                confidence=0.9,
            )
        for fact in run.facts(Reinterpretation):
            if fact.before[0] != fact.after[0] or fact.before[0] != count:
                continue
            return self._report(
                run,
                f"{fact.function} turns {fact.before} into {fact.after}: it renames the axes and moves no value",
                "Use transpose or permute to exchange axes; view and reshape only join or split neighbouring ones.",
                Evidence(signal=fact.kind, value=float(fact.after[1]), threshold=float(fact.before[1])),
                Where(module=fact.where or None, file=fact.file, line=fact.line),
                confidence=0.85,
            )
        return None


def _over_classes(output: LossOutput, softmax: OutputSoftmax) -> bool:
    """Whether the softmax before the loss runs over what the loss takes for the classes, as far as is known."""
    if softmax.class_axis is not None:
        return softmax.axis == softmax.class_axis
    axis, shape = softmax.axis, softmax.shape
    return axis == 1 or output.transposed or axis >= len(shape) or shape[axis] == 1
