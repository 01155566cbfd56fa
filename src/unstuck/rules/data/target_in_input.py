"""D207: the target of the loss is the model's own input, or a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning import Learning
from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import Inputs, Model, VisibleTarget
from unstuck.rules.copying import LEFT, LOOKS, copying
from unstuck.rules.gates import losses
from unstuck.rules.rule import Rule

__all__ = ["TargetInInput"]

READ_IN_TURN = ("RNN", "LSTM", "GRU", "Attention", "Transformer")


@dataclass(frozen=True, kw_only=True)
class TargetInInput(Rule):
    """What the loss asks for stands in what the model is given, so that copying solves it and teaches nothing.

    Detects:
        Targets that are equal to the input, where nothing on the way could keep the model from passing it on: no layer
        that is narrower than the input, no random numbers, no further term of the loss; and a loss that has come down
        as far as copying takes it. A denoiser whose target is its noisy input, or that is given the clean data.
        Targets of one number that are a column of the input, on whatever scale, or the last entries of a sequence.

    Why it matters:
        The loss falls to zero and looks like success. Nothing was learnt of the data: a sampler gives noise, and a
        forecast repeats what it was given.

    Evidence:
        The values of inputs and targets in the first sampled steps; the shapes in the graph of the loss.

    Known false positives:
        Autoencoders have a narrow layer, noise or a penalty, and are left alone; one without any of these learns to
        copy indeed, which may be meant: a note, unless the model is told something beside its input, as a time. Masks
        within an autoregressive model hide the answer: then the loss stays high. Tasks of memory ask for an entry of
        the sequence: the last alone is found there. An exercise may ask for a multiple of one of three or more columns.

    Try:
        Print an input beside its target. A denoiser is given ``a * x + s * noise`` and asked for ``noise`` or ``x``; a
        forecast is asked for what comes behind its window; remove the column that was made from the target.

    References:
        Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020, algorithm 1; Kaufman et al., "Leakage in
        data mining", KDD 2011; Alain and Bengio, "What regularized auto-encoders learn", JMLR 2014.
    """

    code = "D207"
    name = "target in input"
    cause = "answer-visible"
    needs = (VisibleTarget, signals.LOSS)
    applies_to = (losses(20),)

    looks: int = LOOKS  #: losses in which the target must stand in the input
    left: float = LEFT  #: share of the loss of a guess, below which copying was learnt

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning = Learning.of(run)
        whole = copying(run, learning, looks=self.looks, left=self.left)
        if whole is not None:
            yield self._whole(learning, whole)
        sites = {(fact.file, fact.line): fact for fact in run.facts(VisibleTarget)}
        for fact in sites.values():
            if fact.how != "whole" and fact.equal == fact.looked >= self.looks:
                yield from self._part(run, fact)

    def _whole(self, learning: Learning, fact: VisibleTarget) -> Finding:
        asked = (
            "The noise or the clean data must be asked for, and noisy data given."
            if fact.further
            else "Ask for something else than the input, or give the model noise, a mask or a narrow layer."
        )
        return self.finding(
            "the target of the loss is the input of the model, which passes it on whole: the loss falls by copying, "
            "and shows nothing of what was learnt",
            f"Print an input beside its target. {asked}",
            severity="error" if fact.further else "note",
            confidence=0.9 if fact.further else 0.5,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal=fact.kind,
                    value=float(fact.equal),
                    threshold=float(self.looks),
                    note=f"losses of {fact.looked} whose target is what entered the model",
                ),
                Evidence(
                    signal="loss",
                    value=learning.remaining,
                    threshold=self.left,
                    note="share of the loss of a guess that is left, by copying",
                ),
            ),
        )

    def _part(self, run: Run, fact: VisibleTarget) -> Iterator[Finding]:
        in_turn = _in_turn(run)
        if fact.how == "column" and in_turn and fact.column != fact.columns - 1:
            return
        which = "the last part of the input" if fact.how == "last" else f"column {fact.column} of the input"
        yield self.about(
            fact,
            f"the target of the loss is {which}: the answer is given with the question",
            "Ask for what comes behind the window, one step ahead at least."
            if fact.how == "last" or in_turn
            else "Leave the column out that is, or was made from, the target.",
            value=float(fact.equal),
            threshold=float(self.looks),
            note=f"losses of {fact.looked} whose target is that, for every example",
            severity="error",
            confidence=0.8,
        )


def _in_turn(run: Run) -> bool:
    """Whether the columns are the steps of a sequence."""
    model = run.fact(Model)
    types = [layer.type for layer in model.layers] if model is not None else []
    return any(fact.kind_of == "sequence" for fact in run.facts(Inputs)[-1:]) or any(
        name in kind for kind in types for name in READ_IN_TURN
    )
