"""Another learning rate."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects
from unstuck.remedies.change import Change
from unstuck.remedies.constants import constants, highest_rate
from unstuck.remedies.interventions import optimizers_made
from unstuck.remedies.remedy import Remedy
from unstuck.remedies.scaled_gradients import scaled_gradients
from unstuck.rules.rate import another_rate, derived_higher_rate, learning_rate

__all__ = ["LearningRate"]

LOWER = (0.1, 0.01)
HIGHER = (10.0, 100.0)

THIRD = 1.0 / 3.0
"""What advice asks for where no number can be derived: to divide by three until the loss falls."""

GOOD = 0.9
"""Share of what there is to learn from which the order of magnitude of a rate is right (our choice)."""

APART = 1.05
"""Factor within which two rates are one."""

TOO_WIDE = 2.5
"""Factor between neighbouring rates from which there is room for a half between them."""


class LearningRate(Remedy):
    r"""Multiply the rate of every update, or set it, and leave the script's schedule to go on from its own numbers.

    Changes: within each step the rate of every parameter group is multiplied by ``factor``; or by what makes the
    highest of the rates that the optimizer was made with ``rate``. A script that updates its weights by hand gets its
    gradients multiplied by ``factor``, which is the same for plain descent.

    Applies: to every run. The first guess is the rate that the first batch bears by its curvature,
    its first step or its inputs (:mod:`unstuck.rules.stable_rate`); then tenths, hundredths, tenfold, hundredfold;
    then the bracket around the best (:meth:`refinements`).

    Proves: a rate that is too high, or too low.
    """

    name = "learning-rate"
    proves = ("lr-too-high", "lr-too-low")

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """The rate that the first batch bears, then tenths and multiples of ten, in the direction that is suspected."""
        present = learning_rate(run)
        if present is None and not run.knows(facts.Optimizer):
            return ()
        cause = None if finding is None else finding.cause
        factors: list[float] = []
        if cause != "lr-too-low":
            lower = another_rate(run, higher=False)
            factors += [lower.factor if lower else THIRD] if lower or cause == "lr-too-high" else []
            factors += LOWER
        if cause != "lr-too-high":
            higher = another_rate(run, higher=True)
            raised = [*([higher.factor] if higher else []), *HIGHER]
            factors = [*raised, *factors] if higher or cause == "lr-too-low" else [*factors, *raised]
        return [self._by(factor, present, run) for factor in _distinct(factors)]

    def advised(self, run: Run, finding: Finding) -> Sequence[Change]:
        """The higher rate that can be derived, where the advice says to try it first."""
        sentence, higher = derived_higher_rate(run), another_rate(run, higher=True)
        if sentence is None or higher is None or sentence not in finding.advice:
            return ()
        return [self._by(higher.factor, learning_rate(run), run)]

    def refinements(self, change: Change, run: Run, tried: Mapping[Change, float]) -> Sequence[Change]:
        """The bracket around the best rate so far: a neighbour where there is none, then halves between.

        Beyond the best one lies its double or half; its tenth or tenfold while a tenth of what there is to learn is not
        learnt, for its order of magnitude may be wrong.

        Args:
            change: The best change of this remedy, which says whether rates or factors are tried.
            run: The stream that was diagnosed.
            tried: What share of what there is to learn was gained with each change; changes of other remedies are left
                out. The present rate counts as tried.
        """
        present = learning_rate(run)
        known = {self._factor(one, present): score for one, score in tried.items() if one.remedy == self.name}
        best = self._factor(change, present)
        if best is None:
            return ()
        factors = sorted({1.0, *(factor for factor in known if factor is not None)})
        below = max((factor for factor in factors if factor < best / APART), default=None)
        above = min((factor for factor in factors if factor > best * APART), default=None)
        beyond = 2.0 if known.get(best, 0.0) >= GOOD else 10.0
        missing = [best / beyond if below is None else None, best * beyond if above is None else None]
        halves = [
            0.5 * best if below is not None and best / below > TOO_WIDE else None,
            2.0 * best if above is not None and above / best > TOO_WIDE else None,
        ]
        fresh = [factor for factor in (*missing, *halves) if factor is not None]
        if "factor" in change.settings or present is None:
            return [Change(remedy=self.name, settings={"factor": factor}) for factor in fresh]
        return [self._by(factor, present, run) for factor in fresh]

    def proved_by(self, change: Change, run: Run) -> Sequence[str]:
        """A lower rate proves that it was too high, a higher one that it was too low."""
        factor = self._factor(change, learning_rate(run))
        return self.proves if factor is None else ("lr-too-high",) if factor < 1.0 else ("lr-too-low",)

    def words(self, change: Change, run: Run) -> str:
        """``"with the rate at 0.01"``."""
        rate, factor = change.number("rate"), change.number("factor")
        return f"with the rate at {rate:.3g}" if rate is not None else f"with the rate times {factor:.3g}"

    def obstacle(self, run: Run) -> str | None:
        """None is known: of a script without an optimizer the gradients are multiplied."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Step with another rate."""
        rate, factor = change.number("rate"), change.number("factor")

        def changed(optimizer: Optimizer, group: dict[str, Any]) -> dict[str, Any]:
            given = group.get("lr")
            if given is None:
                return {}
            if factor is not None:
                return {"lr": given * factor}
            assert rate is not None, "a change of the rate has a rate or a factor"
            base = highest_rate(optimizer)
            return {"lr": rate if base == given else given * (rate / base) if base else rate}

        made: list[int] = []

        def of_gradients() -> float:
            if made or factor is None:
                return 1.0
            effects.happened(self.name)
            return factor

        by_hand = optimizers_made(lambda optimizer: made.append(id(optimizer))), scaled_gradients(of_gradients)
        with by_hand[0], by_hand[1], constants(changed, lambda: effects.happened(self.name)):
            yield

    def _by(self, factor: float, present: float | None, run: Run) -> Change:
        """The change by a factor: as a rate where all groups have the same one."""
        optimizer = run.fact(facts.Optimizer)
        rates = {group.learning_rate for group in optimizer.groups} if optimizer else set[float | None]()
        if len(rates) > 1 or present is None:
            return Change(remedy=self.name, settings={"factor": factor})
        return Change(remedy=self.name, settings={"rate": float(f"{present * factor:.3g}")})

    def _factor(self, change: Change, present: float | None) -> float | None:
        rate, factor = change.number("rate"), change.number("factor")
        return factor if factor is not None else rate / present if rate is not None and present else None


def _distinct(factors: Sequence[float]) -> list[float]:
    found: list[float] = []
    for factor in factors:
        if all(not 1 / APART < factor / other < APART for other in (1.0, *found)):
            found.append(factor)
    return found
