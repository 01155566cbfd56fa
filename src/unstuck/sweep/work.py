"""Work on a study until nothing is left to try: claim, train, tell, and look at what others do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from unstuck.errors import StudyError, UnstuckError
from unstuck.sweep.alone import Ticks
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.chosen import Tried
from unstuck.sweep.judge import Reason
from unstuck.sweep.show import Show
from unstuck.sweep.space import Space
from unstuck.sweep.strategy import Strategy
from unstuck.sweep.study import Entry, Study
from unstuck.sweep.unsaved import bring_back, keep
from unstuck.sweep.wording import setting_words
from unstuck.sweep.worker import BEAT_SECONDS
from unstuck.train import Epoch

__all__ = ["Trainer", "work"]

T = TypeVar("T")

Say = Callable[[str], None]

WAIT_SECONDS = 0.5
"""Time between two looks at a study on which others still work."""

RETRY_SECONDS = 30.0
"""How long a storage that does not answer is tried again before its outcomes are kept elsewhere."""


class Trainer(Protocol):
    """What makes tries."""

    def together(self, space: Space, waiting: list[Try]) -> int:
        """How many of those that wait it would make at once."""
        ...

    def train(self, space: Space, tries: list[Try], after_epoch: Ticks, say: Say) -> Iterator[tuple[Try, Outcome]]:
        """Make tries, and give each as soon as it is over; say what a user should know of how."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Session:
    """What one worker works with."""

    study: Study
    strategy: Strategy
    trainer: Trainer
    show: Show
    folder: Path
    retry: float
    known: dict[str, Tried]


def work(
    study: Study, strategy: Strategy, trainer: Trainer, *, show: Show, folder: Path, retry: float = RETRY_SECONDS
) -> dict[str, Tried]:
    """Work on a study until nothing is left to try, alone or beside others.

    Args:
        study: The study.
        strategy: What decides what is tried.
        trainer: What makes the tries.
        show: Who is told meanwhile.
        folder: Where outcomes are kept that the study cannot be told.
        retry: Seconds for which a storage that does not answer is tried again.

    Returns:
        What came of every try, by its key.

    Raises:
        StudyError: The storage is gone. What is known is kept, and the message says where.
        KeyboardInterrupt: Ctrl-C; what was being tried is given back.
    """
    session = _Session(study=study, strategy=strategy, trainer=trainer, show=show, folder=folder, retry=retry, known={})
    strategy.prepare(study)
    brought = bring_back(folder, study)
    if brought:
        show.say(f"{brought} outcomes that had not reached the study were told to it")
    with _beating(study):
        try:
            while _turn(session):
                pass
            return session.known
        except StudyError as error:
            raise _kept(session, error) from error
        finally:
            with suppress(StudyError):
                study.leave()


def _turn(session: _Session) -> bool:
    """Do what there is to do; whether the sweep goes on."""
    study, strategy = session.study, session.strategy
    for entry in _again(session, study.revive):
        session.show.say(f"given back, for its worker died: {setting_words(study.space, entry.attempt)}")
    session.known.update(_again(session, study.over))
    session.show.known(session.known)
    entries = _claimed(session)
    if entries:
        _make(session, entries)
        return True
    if _again(session, lambda: strategy.add(study, session.known)):
        return True
    if any(entry.state in ("running", "waiting") for entry in _again(session, study.entries)):
        time.sleep(WAIT_SECONDS)
        return True
    return False


def _claimed(session: _Session) -> list[Entry]:
    """Tries that wait, as many as are made at once and are this worker's share; or what the sampler asks for."""
    study = session.study
    waiting = [entry.attempt for entry in _again(session, study.entries) if entry.state == "waiting"]
    if waiting:
        share = -(-len(waiting) // _again(session, study.alive))
        most = min(max(session.trainer.together(study.space, waiting), 1), share)
        claimed = _again(session, lambda: study.claim(most))
        if claimed:
            return claimed
    asked = _again(session, lambda: session.strategy.ask(study))
    return [] if asked is None else [asked]


def _make(session: _Session, entries: list[Entry]) -> None:
    study, left = session.study, {entry.attempt.key: entry for entry in entries}
    session.show.began([entry.attempt for entry in entries])

    def after_epoch(attempt: Try, epoch: Epoch) -> Reason | None:
        session.show.epoch(attempt, epoch)
        means = epoch.validation or epoch.train
        value = -means.loss if means.accuracy is None else means.accuracy
        entry = left.get(attempt.key)
        if session.strategy.pruner and entry and study.report(entry, value, epoch.number):
            return Reason("", f"pruned by Optuna's {session.strategy.pruner}, after {epoch.number} epochs")
        return None

    try:
        tries = [entry.attempt for entry in entries]
        for attempt, outcome in session.trainer.train(study.space, tries, after_epoch, session.show.say):
            session.known[attempt.key] = Tried(attempt, outcome)
            entry = left[attempt.key]
            _again(session, lambda entry=entry, outcome=outcome: study.tell(entry, outcome))
            del left[attempt.key]
            session.show.ended(attempt, outcome, session.known)
    except BaseException as error:
        if not isinstance(error, StudyError):
            with suppress(UnstuckError):
                study.give_back(left.values(), "interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        raise


def _again(session: _Session, action: Callable[[], T]) -> T:
    """Do something with the storage, again and again for a while where it does not answer."""
    until, pause = time.monotonic() + session.retry, 0.1
    while True:
        try:
            return action()
        except StudyError as error:
            if time.monotonic() + pause > until:
                raise
            session.show.say(f"{error}; trying again")
            time.sleep(pause)
            pause *= 2


def _kept(session: _Session, error: StudyError) -> StudyError:
    """The error to end with, once what is known is in a safe place."""
    count = len(session.known)
    try:
        file = keep(session.folder, session.known.values(), fingerprint=session.study.space.fingerprint)
    except OSError as other:
        return StudyError(f"{error}, nor can the {count} outcomes that are known be kept in {session.folder} ({other})")
    return StudyError(f"{error}; the {count} outcomes that are known are kept in {file}: give the same command again")


@contextmanager
def _beating(study: Study) -> Generator[None]:
    """Give signs of life meanwhile."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            with suppress(Exception):  # whoever works notices
                study.beat()

    thread = threading.Thread(target=beat, name="unstuck-sweep-beat", daemon=True)
    with suppress(StudyError):
        study.beat()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
