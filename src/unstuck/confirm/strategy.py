"""Which trial comes next: decided from the trials that were made, so that it goes on where it was interrupted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from unstuck.confirm.effect import CERTAIN
from unstuck.confirm.longer import ends_in_time, was_longer
from unstuck.confirm.tested import HELPFUL, Tested, best_of, key, measurable, results_of
from unstuck.confirm.trial import Changes, Plan, Trial

__all__ = ["Candidate", "Strategy"]

DRAWS = 3
"""Draws of the control and of the winner."""

CLEAR = 2
"""Draws that are enough where learning is restored by far more than noise explains."""

FAR = 10.0
"""Standard errors by which it is (our choice)."""

LATER = 1_000
"""The first turn of what follows from other trials."""

FINER = 8
"""Changes that are tried about the best one at most; a bracket takes two to four."""

WORST = -1.0
"""The gain of a change with which the program ends with an error."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A change that is worth trying.

    Attributes:
        changes: Name of each remedy with its settings.
        words: The change in words.
        causes: Root causes that are proved if learning is restored.
        rank: Position of the finding that it tests, 0 the first; None where it tests none.
        decides: Whether the changes mend these causes wherever they are one.
    """

    changes: Changes
    words: str
    causes: tuple[str, ...]
    rank: int | None = None
    decides: bool = True


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How trials follow one another.

    First the control, then what findings ask for, until something has restored learning; then finer changes about the
    best, and a second draw of it and of the control, and of the best that a finding asks for where that is another one;
    only then, if learning is not restored, changes that no finding asks for. Where the best is not far better, it and
    the control are drawn a third time. Of two that help alike, both together are tried.

    Attributes:
        candidates: What to try, the most promising first.
        finer: Changes about one that was tried, given the gains of all.
        control: The plan of the unchanged training; the others differ from it in their changes and draws.
        length: Updates of the training that was watched.
        mark: What the names of all trials end with.
        draws: Draws of the control and of the winner.
    """

    candidates: Sequence[Candidate]
    finer: Callable[[Candidate, Sequence[tuple[Changes, float]]], Sequence[Candidate]]
    control: Plan
    length: int = 0
    mark: str = ""
    draws: int = DRAWS

    def next(self, made: Sequence[Trial], running: Sequence[str] = ()) -> Plan | None:
        """The trial to make next; None where nothing is left, or what runs has to end first.

        Args:
            made: The trials that were made, usable or not.
            running: Names of those that run.
        """
        plans = self._wanted(made)
        begun = {trial.plan.name for trial in made} | set(running)
        return next((plan for plan in plans if plan.name not in begun), None)

    def planned(self, made: Sequence[Trial]) -> int:
        """How many trials are planned by what is known now, those that were made among them."""
        return len(self._wanted(made))

    def _wanted(self, made: Sequence[Trial]) -> list[Plan]:
        control = next((trial for trial in made if trial.plan.bounded_control and trial.plan.seed == 0), None)
        if control is not None and not (control.usable and measurable([control])):
            return [self._plan(None, 0)]
        results = {key(one.plan.changes): one for one in results_of(made)}
        best = best_of(tuple(results.values()))
        asked, others = self._first_draws(made, control, best)
        if best is None:
            return [self._plan(None, 0), *asked, *self._of_the_doubtful(made, results), *others]
        second, more = ([*self._again(best, draws, made)] for draws in self._draws(best))
        both = self._both(best, list(results.values()))
        return [
            self._plan(None, 0),
            *asked,
            *self._about(best, made, results),
            *second,
            *self._of_the_proved(best, made, results),
            *others,
            *more,
            *([self._plan(both, 0)] if both else []),
        ]

    def _first_draws(
        self, made: Sequence[Trial], control: Trial | None, best: Tested | None
    ) -> tuple[list[Plan], list[Plan]]:
        """What findings ask for, and what none does, as far as it is worth trying beside the best."""
        asked: list[Plan] = []
        others: list[Plan] = []
        won = best is not None and best.effect.says == "restores"
        known = {key(trial.plan.changes) for trial in made}
        for turn, candidate in enumerate(self.candidates):
            ranks_higher = best is not None and candidate.rank is not None and candidate.rank < self._rank(best)
            if not won or ranks_higher or self._tells_apart(candidate, best) or key(candidate.changes) in known:
                first = self._first(candidate, turn, control, made)
                (others if candidate.rank is None else asked).extend(first)
        return asked, others

    def _tells_apart(self, candidate: Candidate, best: Tested | None) -> bool:
        """Whether a change of the same finding proves one cause of the several that the best may prove."""
        if best is None or candidate.rank is None:
            return False
        return set(candidate.causes) < set(best.plan.causes) and candidate.rank == self._rank(best)

    def _first(self, candidate: Candidate, turn: int, control: Trial | None, made: Sequence[Trial]) -> list[Plan]:
        """The first trial of a change; of one that makes the training longer, behind an unchanged one to its end."""
        plan = self._plan(candidate, 0, turn=turn)
        if not plan.whole:
            return [plan]
        if control is None or not (ends_in_time(control, self.length) and was_longer(made)):
            return []
        return [plan] if control.ended.how == "finished" else [self._plan(None, 0, whole=True), plan]

    def _draws(self, best: Tested) -> tuple[range, range]:
        """The second draw of the winner, and those that follow at the end."""
        clear = best.effect.says == "restores" and best.effect.gain > FAR * best.effect.noise
        draws = min(CLEAR, self.draws) if clear else self.draws
        return range(1, min(CLEAR, draws)), range(CLEAR, draws)

    def _again(self, tested: Tested, draws: range, made: Sequence[Trial]) -> Iterator[Plan]:
        """Other draws of what a change is compared with, which serve other changes too, and of the change."""
        whole = tested.plan.whole and any(trial.plan.control and trial.plan.whole for trial in made)
        for draw in draws:
            yield self._plan(None, draw, whole=whole)
            yield self._plan(self._candidate(tested), draw, turn=tested.plan.turn)

    def _of_the_proved(self, best: Tested, made: Sequence[Trial], results: Mapping[str, Tested]) -> Iterator[Plan]:
        """A second draw of what a finding asks for and what helps, where another change helps more."""
        proved = best_of(self._asked(results))
        if proved is not None and proved is not best:
            yield from self._again(proved, range(1, min(CLEAR, self.draws)), made)

    def _of_the_doubtful(self, made: Sequence[Trial], results: Mapping[str, Tested]) -> Iterator[Plan]:
        """More draws of what a finding asks for and what may have helped, were it not for the noise."""
        doubtful = [tested for tested in self._asked(results) if tested.effect.promises]
        if doubtful:
            yield from self._again(max(doubtful, key=lambda one: one.effect.gain), range(1, self.draws), made)

    def _asked(self, results: Mapping[str, Tested]) -> list[Tested]:
        """What findings ask for, as far as it was tried."""
        names = (key(one.changes) for one in self.candidates if one.rank is not None)
        return [results[name] for name in names if name in results]

    def _about(self, best: Tested, made: Sequence[Trial], results: Mapping[str, Tested]) -> list[Plan]:
        """Changes about the best; one that ended with an error was tried, and is the worst.

        Their turns follow one another, so that of those that are alike the one that was tried first is the best.
        """
        gains = [(one.plan.changes, one.effect.gain) for one in results.values()]
        gains += [(trial.plan.changes, WORST) for trial in made if trial.failed and not trial.plan.control]
        refined = sum(trial.plan.turn >= LATER and trial.plan.seed == 0 and not trial.plan.control for trial in made)
        about = self.finer(self._candidate(best), gains)[: max(0, FINER - refined)]
        return [self._plan(one, 0, turn=turn) for turn, one in enumerate(about, LATER + refined)]

    def _both(self, best: Tested, results: Sequence[Tested]) -> Candidate | None:
        """The best two together, where they prove different causes and help alike."""
        for other in results:
            alike = best.effect.gain - other.effect.gain < CERTAIN * max(best.effect.noise, other.effect.noise)
            helps = other.effect.says in HELPFUL
            alone = len(other.plan.changes) == len(best.plan.changes) == 1
            unlike = set(other.plan.causes).isdisjoint(best.plan.causes)
            if other is not best and alone and helps and alike and unlike:
                return Candidate(
                    changes=(*best.plan.changes, *other.plan.changes),
                    words=f"{best.plan.words}, and {other.plan.words}",
                    causes=(*best.plan.causes, *other.plan.causes),
                )
        return None

    def _rank(self, one: Tested) -> float:
        return min(
            (
                each.rank
                for each in self.candidates
                if each.rank is not None and set(each.causes) & set(one.plan.causes)
            ),
            default=float("inf"),
        )

    def _candidate(self, one: Tested) -> Candidate:
        plan = one.plan
        return Candidate(changes=plan.changes, words=plan.words, causes=plan.causes, decides=plan.decides)

    def _plan(self, candidate: Candidate | None, seed: int, *, turn: int = LATER, whole: bool = False) -> Plan:
        if candidate is None:
            name = f"control{'-whole' if whole else ''}-seed{seed}{self.mark}"
            return replace(self.control, name=name, seed=seed, turn=turn, whole=whole)
        plan = replace(
            self.control,
            name=f"{_name(candidate)}-seed{seed}{self.mark}",
            changes=candidate.changes,
            words=candidate.words,
            causes=candidate.causes,
            decides=candidate.decides,
            turn=turn,
            seed=seed,
        )
        return replace(plan, whole=plan.longer > 1.0)


def _name(candidate: Candidate) -> str:
    """What a trial's folder is called: the remedies with their settings."""
    words = [
        "-".join((name, *(f"{setting}-{value:.4g}" if isinstance(value, float) else f"{setting}-{value}"
                          for setting, value in settings.items())))
        for name, settings in candidate.changes
    ]  # fmt: skip
    return re.sub(r"[^\w.+-]+", "_", "+".join(words))[:120]
