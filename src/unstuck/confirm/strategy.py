"""Which trial comes next: decided from the trials that were made, so that it goes on where it was interrupted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unstuck.confirm.effect import CERTAIN
from unstuck.confirm.tested import HELPFUL, LONGER, Tested, best_of, key, measurable, results_of
from unstuck.confirm.trial import Changes, Plan, Trial
from unstuck.record.facts import Invocation

__all__ = ["Candidate", "Strategy"]

DRAWS = 3
"""Draws of the control and of the winner."""

CLEAR = 2
"""Draws that are enough where learning is restored by far more than noise explains."""

FAR = 10.0
"""Standard errors by which it is (our choice)."""

LATER = 1_000
"""The turn of what follows from other trials."""

FINER = 3
"""Changes that are tried about the best one."""


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

    First the control, then candidates in their order, until one has restored learning; then finer ones about it, then
    it and the control in other draws: two where it is far better, else three. Of two that help alike, both together are
    tried.

    Attributes:
        candidates: What to try, the most promising first.
        finer: Changes about one that was tried, given the gains of all.
        invocation: How the program is started.
        steps: Updates of a trial.
        seconds: Its seconds.
        stream: The training of the run that is looked at.
        recipe: The recipe that is trained in place of a program, as TOML.
        draws: Draws of the control and of the winner.
    """

    candidates: Sequence[Candidate]
    finer: Callable[[Candidate, Sequence[tuple[Changes, float]]], Sequence[Candidate]]
    invocation: Invocation
    steps: int
    seconds: float
    stream: int = 0
    recipe: str = ""
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
        wanted = [self._plan(None, 0)]
        control = next((trial for trial in made if trial.plan.control and trial.plan.seed == 0), None)
        if control is not None and not control.usable:
            return wanted
        if control is not None and not measurable([control]):
            return wanted
        results = {key(one.plan.changes): one for one in results_of(made)}
        best = best_of(tuple(results.values()))
        won = best is not None and best.effect.says == "restores"
        for turn, candidate in enumerate(self.candidates):
            known = any(key(trial.plan.changes) == key(candidate.changes) for trial in made)
            if known or not won or (candidate.rank is not None and best and candidate.rank < self._rank(best)):
                wanted.append(self._plan(candidate, 0, turn=turn))
        if control is None or best is None:
            return wanted if control is None else self._with_doubtful(wanted, results)
        refined = sum(trial.plan.turn == LATER and trial.plan.seed == 0 and not trial.plan.control for trial in made)
        wanted += [self._plan(one, 0) for one in self._about(best, results)[: max(0, FINER - refined)]]
        draws = range(1, self._draws(best))
        wanted += [self._plan(self._candidate(best), draw, turn=best.plan.turn) for draw in draws]
        wanted += [self._plan(None, draw) for draw in draws]
        both = self._both(best, list(results.values()))
        return [*wanted, *([self._plan(both, 0)] if both else [])]

    def _draws(self, best: Tested) -> int:
        clear = best.effect.says == "restores" and best.effect.gain > FAR * best.effect.noise
        return min(CLEAR, self.draws) if clear else self.draws

    def _with_doubtful(self, wanted: list[Plan], results: Mapping[str, Tested]) -> list[Plan]:
        """More draws of what a finding asks for and what may have helped, before changes that no finding asks for."""
        named = [one for one in self.candidates if one.rank is not None]
        known = [(one, results[key(one.changes)]) for one in named if key(one.changes) in results]
        doubtful = [(one, tested) for one, tested in known if tested.effect.promises]
        if not doubtful:
            return wanted
        candidate, tested = max(doubtful, key=lambda pair: pair[1].effect.gain)
        draws = range(1, self.draws)
        more = [self._plan(candidate, draw, turn=tested.plan.turn) for draw in draws]
        more += [self._plan(None, draw) for draw in draws]
        place = 1 + len(named)
        return [*wanted[:place], *more, *wanted[place:]]

    def _about(self, best: Tested, results: Mapping[str, Tested]) -> list[Candidate]:
        gains = [(one.plan.changes, one.effect.gain) for one in results.values()]
        return list(self.finer(self._candidate(best), gains))

    def _both(self, best: Tested, results: Sequence[Tested]) -> Candidate | None:
        """The best two together, where they prove different causes and help alike."""
        for other in results:
            alike = best.effect.gain - other.effect.gain < CERTAIN * max(best.effect.noise, other.effect.noise)
            helps = other.effect.says in HELPFUL
            alone = len(other.plan.changes) == len(best.plan.changes) == 1
            if other is not best and alone and helps and alike and other.plan.causes != best.plan.causes:
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

    def _plan(self, candidate: Candidate | None, seed: int, *, turn: int = LATER) -> Plan:
        return Plan(
            name=f"{_name(candidate)}-seed{seed}",
            changes=candidate.changes if candidate else (),
            words=candidate.words if candidate else "unchanged",
            causes=candidate.causes if candidate else (),
            decides=candidate.decides if candidate else True,
            turn=turn,
            stream=self.stream,
            seed=seed,
            steps=round(self.steps * _longer(candidate)),
            seconds=self.seconds,
            invocation=self.invocation,
            recipe=self.recipe,
        )


def _longer(candidate: Candidate | None) -> float:
    """By what the bound of a trial is multiplied."""
    factors = [
        settings.get("factor", 1.0) for name, settings in (candidate.changes if candidate else ()) if name == LONGER
    ]
    return max([1.0, *factors])


def _name(candidate: Candidate | None) -> str:
    """The name of a trial's folder: the remedies with their settings."""
    if candidate is None:
        return "control"
    words = [
        "-".join((name, *(f"{setting}-{value:.4g}" if isinstance(value, float) else f"{setting}-{value}"
                          for setting, value in settings.items())))
        for name, settings in candidate.changes
    ]  # fmt: skip
    return re.sub(r"[^\w.+-]+", "_", "+".join(words))[:120]
