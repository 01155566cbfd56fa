"""The study of a sweep: which tries there are, who makes them, and what came of them, in a storage of Optuna's.

Whoever works on a sweep works on its study, and all are equal: there is no coordinator that could be lost. A try is an
Optuna trial. It waits, is claimed by one worker, and ends. Of two trials of one try, such as two workers add who see
the same gap at once, the one of the lower number counts, and the other ends unmade. What a worker had claimed when it
died is added anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from unstuck.errors import StudyError
from unstuck.sweep.attempt import Outcome, Stage, Try
from unstuck.sweep.chosen import Tried
from unstuck.sweep.dimensions import distributions, parameters, suggest
from unstuck.sweep.space import Space
from unstuck.sweep.storage import fenced, open_storage, optuna
from unstuck.sweep.worker import BEAT, Watch, Worker

__all__ = ["Entry", "Study"]

SPACE, FINGERPRINT, HOW, SOURCE = "unstuck:space", "unstuck:fingerprint", "unstuck:how", "unstuck:source"
TRY, OUTCOME, WORKER, GONE = "unstuck:try", "unstuck:outcome", "unstuck:worker", "unstuck:gone"

STATES = {"WAITING": "waiting", "RUNNING": "running"}

NAME = "sweep"
"""Name of a study that is given none."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A trial of the study.

    Attributes:
        number: Its number, by which the earlier of two is known.
        identity: By what the storage knows it.
        state: waiting, running, over, or gone: unmade because its worker died, or because another was the same.
        attempt: What is tried.
        outcome: What came of it, once it is over.
        worker: Who makes it.
    """

    number: int
    identity: int
    state: Literal["waiting", "running", "over", "gone"]
    attempt: Try
    outcome: Outcome | None = None
    worker: str = ""


class Study:
    """Open the study of a sweep, or begin it.

    Args:
        space: What is swept; None takes it from the study.
        address: Where it is kept: :func:`~unstuck.sweep.storage.open_storage`.
        name: Its name, of several in one storage.
        how: What else must be the same for all who work on it, such as the sampler.
        source: The recipe, as the user named it.

    Raises:
        StudyError: It is of another sweep, is not there, or its storage cannot be reached.
        ArgumentError: It is no address of a storage.
        MissingPackageError: Optuna is not installed.

    Attributes:
        space: What is swept.
        how: What else is the same for all who work on it.
        source: The recipe, as it was named when the study was begun.
    """

    def __init__(
        self,
        space: Space | None,
        address: str | Path,
        *,
        name: str = NAME,
        how: dict[str, Any] | None = None,
        source: str = "",
    ) -> None:
        self.address, self.name = str(address), name
        self._storage = open_storage(address)
        with fenced(self.address):
            self._study = _begun(self._storage, name, space, how or {}, source)
            known = self._study.user_attrs
        if SPACE not in known:
            raise StudyError(f"{address}: the study {name!r} is not one of unstuck sweep; give another --study")
        self.space = Space.of(known[SPACE])
        self.how: dict[str, Any] = known[HOW]
        self.source = str(known[SOURCE])
        if space is not None and space.fingerprint != known[FINGERPRINT]:
            raise StudyError(f"{address}: {_difference(space, self.space)}; give another --out, or another --study")
        if how and how != self.how:
            raise StudyError(f"{address}: the study {name!r} was begun with {self.how}, not with {how}; give the same")
        self._worker = Worker()
        self._watch = Watch()
        self._claimed: set[int] = set()
        self._distributions = distributions(self.space)

    @property
    def optuna(self) -> Any:
        """The study as Optuna's samplers and pruners know it."""
        return self._study

    @property
    def worker(self) -> Worker:
        """Who works on it here."""
        return self._worker

    def entries(self) -> list[Entry]:
        """Every trial of a try, as it stands now."""
        with fenced(self.address):
            trials = self._study.get_trials(deepcopy=False)
        return [_entry(trial) for trial in trials if TRY in trial.user_attrs]

    def over(self) -> dict[str, Tried]:
        """What is over, by the keys of the tries."""
        found: dict[str, Tried] = {}
        for entry in self.entries():
            if entry.state == "over" and entry.outcome is not None:
                found.setdefault(entry.attempt.key, Tried(entry.attempt, entry.outcome))
        return found

    def add(self, tries: Iterable[Try], *, outcomes: Sequence[Outcome] | None = None) -> None:
        """Add tries that wait for somebody, or, with their outcomes, tries that are over."""
        states = optuna("trial").TrialState
        tries = list(tries)
        for attempt, outcome in zip(tries, outcomes or [None] * len(tries), strict=True):
            params = parameters(self.space, attempt.setting)
            trial = optuna("trial").create_trial(
                state=states.WAITING if outcome is None else _state(outcome),
                value=None if outcome is None or not outcome.kept else outcome.value,
                params=params,
                distributions={key: self._distributions[key] for key in params},
                user_attrs={TRY: attempt.to_dict(), **({} if outcome is None else {OUTCOME: outcome.to_dict()})},
            )
            with fenced(self.address):
                self._study.add_trial(trial)

    def claim(self, most: int) -> list[Entry]:
        """Claim tries that wait, at most so many; each is had by one worker alone."""
        claimed: list[Entry] = []
        entries = self.entries()
        for entry in entries:
            if entry.state != "waiting":
                continue
            if any(other.number < entry.number and _same(other, entry) for other in entries):
                self._end(entry, why="another trial is the same")
                continue
            if len(claimed) == most:
                break
            if self._claims(entry):
                claimed.append(entry)
        return claimed

    def _claims(self, entry: Entry) -> bool:
        """Whether a trial that waits is had by this worker.

        The name is written before as well as after, so that whoever is killed in between is known all the same, unless
        two claim at once: a trial that has the name of one who has not claimed it is watched as that of a stranger.
        """
        with fenced(self.address):
            try:
                self._storage.set_trial_user_attr(entry.identity, WORKER, self._worker.name)
                if not self._storage.set_trial_state_values(entry.identity, state=optuna("trial").TrialState.RUNNING):
                    return False
                self._storage.set_trial_user_attr(entry.identity, WORKER, self._worker.name)
            except optuna("exceptions").UpdateFinishedTrialError:
                return False
        self._claimed.add(entry.number)
        return True

    def ask(self, stage: Stage, *, seed: int, patience: int) -> Entry:
        """Claim a try of a setting that the study's sampler asks for."""
        with fenced(self.address):
            trial = self._study.ask()
            attempt = Try(setting=suggest(self.space, trial), stage=stage, seed=seed, patience=patience)
            trial.set_user_attr(TRY, attempt.to_dict())
            trial.set_user_attr(WORKER, self._worker.name)
        self._claimed.add(trial.number)
        return Entry(number=trial.number, identity=trial._trial_id, state="running", attempt=attempt)

    def report(self, entry: Entry, value: float, epoch: int) -> bool:
        """Report what an epoch came to; whether the study's pruner says that the try need not go on."""
        with fenced(self.address):
            trial = optuna("trial").Trial(self._study, entry.identity)
            trial.report(value, epoch)
            return bool(trial.should_prune())

    def alive(self) -> int:
        """How many workers have given a sign of life and have not said that they are through, this one among them."""
        with fenced(self.address):
            attributes = self._study.user_attrs
        names = [key.removeprefix(BEAT) for key, count in attributes.items() if key.startswith(BEAT) and count > 0]
        others = [name for name in names if name != self._worker.name]
        return 1 + sum(not self._watch.dead(name, attributes, -1) for name in others)

    def leave(self) -> None:
        """Say that this worker is through."""
        with fenced(self.address):
            self._study.set_user_attr(f"{BEAT}{self._worker.name}", 0)

    def tell(self, entry: Entry, outcome: Outcome) -> bool:
        """Say what came of a try; whether that was still wanted, for it may have been given to another meanwhile."""
        with fenced(self.address):
            try:
                self._storage.set_trial_user_attr(entry.identity, OUTCOME, outcome.to_dict())
                values = [outcome.value] if outcome.kept else None
                self._storage.set_trial_state_values(entry.identity, state=_state(outcome), values=values)
            except optuna("exceptions").UpdateFinishedTrialError:
                return False
        return True

    def give_back(self, entries: Iterable[Entry], why: str) -> None:
        """End trials that are not going to be made, and add their tries anew."""
        for entry in entries:
            if self._end(entry, why=why):
                self.add([entry.attempt])

    def revive(self) -> list[Entry]:
        """Give back what workers had claimed who are dead; what that was.

        One that had said what came of a try, and died before it ended the trial, has made it.
        """
        with fenced(self.address):
            beats = self._study.user_attrs
        lost = [
            entry
            for entry in self.entries()
            if entry.state == "running"
            and entry.number not in self._claimed
            and self._watch.dead("" if entry.worker == self._worker.name else entry.worker, beats, entry.number)
        ]
        for entry in lost:
            if entry.outcome is not None:
                self.tell(entry, entry.outcome)
        unmade = [entry for entry in lost if entry.outcome is None]
        self.give_back(unmade, "its worker died")
        return unmade

    def beat(self) -> None:
        """Say that this worker is alive."""
        with fenced(self.address):
            self._study.set_user_attr(*self._worker.beat())

    def _end(self, entry: Entry, *, why: str) -> bool:
        with fenced(self.address):
            try:
                self._storage.set_trial_user_attr(entry.identity, GONE, why)
                self._storage.set_trial_state_values(entry.identity, state=optuna("trial").TrialState.FAIL)
            except optuna("exceptions").UpdateFinishedTrialError:
                return False
        return True


def _begun(storage: Any, name: str, space: Space | None, how: dict[str, Any], source: str) -> Any:
    try:
        study = optuna().load_study(study_name=name, storage=storage)
    except KeyError:
        if space is None:
            raise StudyError(f"there is no study {name!r}; give a recipe to begin one") from None
        study = None
    if space is None or (study is not None and SPACE in study.user_attrs):
        return study
    study = optuna().create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    if SPACE not in study.user_attrs and not study.get_trials(deepcopy=False):
        study.set_user_attr(HOW, how)
        study.set_user_attr(SOURCE, source)
        study.set_user_attr(FINGERPRINT, space.fingerprint)
        study.set_user_attr(SPACE, space.to_dict())
    return study


def _difference(space: Space, known: Space) -> str:
    """In what a sweep differs from the one whose study is there."""
    if space.keys != known.keys:
        return f"the study there sweeps {', '.join(known.keys)}, not {', '.join(space.keys)}"
    if space.axes != known.axes:
        mine, theirs = next((a, b) for a, b in zip(space.axes, known.axes, strict=True) if a != b)
        return f"the study there has other values of {mine.key}: {_short(theirs)}, not {_short(mine)}"
    if space.quick != known.quick:
        return f"the study there was begun {'with' if known.quick else 'without'} --quick"
    return "the study there is of another recipe"


def _short(axis: Any) -> str:
    return ", ".join(axis.written(value) for value in axis.coarse)


def _state(outcome: Outcome) -> Any:
    states = optuna("trial").TrialState
    if outcome.kept:
        return states.COMPLETE
    return states.PRUNED if outcome.reason in ("pruned", "diverged") else states.FAIL


def _same(first: Entry, second: Entry) -> bool:
    return first.state != "gone" and first.attempt.key == second.attempt.key


def _entry(trial: Any) -> Entry:
    attributes = trial.user_attrs
    outcome = Outcome.of(attributes[OUTCOME]) if OUTCOME in attributes else None
    state: Any = STATES.get(trial.state.name, "over" if outcome is not None and GONE not in attributes else "gone")
    return Entry(
        number=trial.number,
        identity=trial._trial_id,
        state=state,
        attempt=Try.of(attributes[TRY]),
        outcome=None if state == "gone" else outcome,
        worker=attributes.get(WORKER, ""),
    )
