"""D209: the noise that is asked for is not the noise that was added, or the model is told a wrong level of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import AddedNoise
from unstuck.rules.rule import Rule

__all__ = ["NoiseMismatched"]


@dataclass(frozen=True, kw_only=True)
class NoiseMismatched(Rule):
    r"""A model that learns to take noise off is asked for other noise, or cannot know how much there is.

    Detects:
        Noise in the target of a loss, of which the input holds nothing, while the input holds other noise of the same
        shape that the target knows nothing of: :math:`x_t = a_t x + b_t \epsilon`, and the target is
        :math:`\epsilon'`, or :math:`x - \epsilon'`. Or noise at levels :math:`b_t` that differ between examples, to
        which nothing that is given to the model beside the noisy example has any relation: one time step for all of
        them, or one that was drawn anew. Or levels (N,), one for each example, that multiply a batch (N, N) by its
        columns.

    Why it matters:
        What is asked for cannot be known, so that the model learns its mean: the loss still falls, as far as a mean
        takes it. Without the level, it learns the mean over all levels, and no sampler can be right at any.

    Evidence:
        Each normal draw of the shape of an example, correlated with the input of the model and with the target, value
        by value; the factors that it is multiplied by, compared with what else enters the model.

    Known false positives:
        Learning from pairs of noisy examples (Noise2Noise) asks for the data with other noise, and is left alone: there
        both stand in the target with one sign. Noise that is drawn outside of PyTorch is not seen.

    Try:
        Draw the noise once, and give it to both: ``noise = torch.randn_like(x)``; ``model(a * x + b * noise, t)``;
        ``loss(output, noise)``. Hand the model the ``t`` by which a and b were looked up, and give these the axes
        of the batch: ``b[:, None] * noise``.

    References:
        Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020, algorithm 1; Lipman et al., "Flow
        matching for generative modeling", ICLR 2023; Lehtinen et al., "Noise2Noise", ICML 2018.
    """

    code = "D209"
    name = "noise mismatched"
    cause = "labels-mismatched"
    needs = (AddedNoise, signals.LOSS)

    chance: float = 8.0  #: standard deviations from which a correlation is there: chance gives none of them
    little: float = 4.0  #: the same below which there is none
    alone: float = 0.99  #: correlation from which a target is noise and nothing else
    examples: int = 300  #: examples from which it is said (our choice)
    related: float = 5.0  #: standard deviations that unrelated conditions stay below, as of labels and inputs

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        draws = [fact for fact in run.facts(AddedNoise) if fact.examples >= self.examples]
        added = [fact for fact in draws if self._stands(fact, fact.in_input)]
        asked = [fact for fact in draws if self._stands(fact, fact.in_target)]
        other = [fact for fact in asked if self._other(fact) and not any(fact.values != one.values for one in added)]
        lost = [fact for fact in added if abs(fact.in_target) * _root(fact) < self.little]
        if other and lost:
            yield self._anew(other[0], lost[0])
            return
        for fact in added:
            if fact.along and fact.varied and (fact.told or 0.0) > self.chance:
                yield self._along(fact)
                return
            if self._untold(fact, asked=fact in asked):
                yield self._level(fact, asked=fact in asked)
                return

    def _stands(self, fact: AddedNoise, correlation: float) -> bool:
        return abs(correlation) * _root(fact) > self.chance

    def _other(self, fact: AddedNoise) -> bool:
        """Whether noise of the target is not in the input, and no second draw of a noisy example."""
        pure = abs(fact.in_target) > self.alone
        return abs(fact.in_input) * _root(fact) < self.little and (pure or fact.in_target * fact.together < 0.0)

    def _untold(self, fact: AddedNoise, *, asked: bool) -> bool:
        """Whether levels differ, and nothing tells the model how much; for what is not asked, of a time step alone."""
        if fact.along or not fact.varied or fact.told is None or fact.told >= self.related:
            return False
        return asked or (fact.single and self._stands(fact, fact.together))

    def _anew(self, asked: AddedNoise, added: AddedNoise) -> Finding:
        return self.finding(
            f"the target holds noise that was not added to the input: what was added is drawn in line {added.line}, "
            f"and what is asked for in line {asked.line}",
            "Draw the noise once for each batch, add it to the input, and ask for the same tensor.",
            severity="error",
            confidence=0.95,
            where=Where(file=asked.file, line=asked.line),
            evidence=(
                _correlated("noise of the target, with the input", asked.in_input, asked),
                _correlated("the same, with the target", asked.in_target, asked),
                _correlated("noise of the input, with the target", added.in_target, added),
            ),
        )

    def _level(self, fact: AddedNoise, *, asked: bool) -> Finding:
        return self.about(
            fact,
            "examples have noise of different levels, and the model cannot know which: what it is given beside the "
            "noisy example is the same for every example"
            if fact.same
            else "examples have noise of different levels, and the model is told wrong ones: what it is given beside "
            "the noisy example has nothing to do with it",
            "Give the model the time step, or the level, by which the noise of each example was scaled.",
            value=fact.told or 0.0,
            threshold=self.related,
            note=f"relation of the level of noise to what is given beside, over {fact.examples:,} examples, in "
            "standard deviations of chance",
            severity="error",
            confidence=0.9 if asked else 0.7,
            cause="data-constant" if fact.same else None,
        )

    def _along(self, fact: AddedNoise) -> Finding:
        return self.about(
            fact,
            f"levels of noise that were looked up for each example are broadcast along the {fact.values:,} values of "
            "an example: value k of every example gets the level of example k",
            "Give the levels the axes of the batch: level[:, None] * noise, or level.view(-1, 1, 1, 1) for images.",
            value=fact.told or 0.0,
            threshold=self.chance,
            note=f"relation of the levels to what each example is given beside, over {fact.examples:,} examples, in "
            "standard deviations of chance",
            severity="error",
            confidence=0.9,
            cause="wrong-axis",
        )


def _root(fact: AddedNoise) -> float:
    """What a correlation is multiplied by to be in standard deviations of chance."""
    return float(fact.examples * fact.values) ** 0.5


def _correlated(what: str, correlation: float, fact: AddedNoise) -> Evidence:
    return Evidence(
        signal=fact.kind,
        value=correlation,
        threshold=0.0,
        note=f"correlation of {what}, over {fact.examples:,} examples",
    )
