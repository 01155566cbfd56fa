from __future__ import annotations

import json
import multiprocessing
import random
import time
from collections import Counter

import pytest

from tests.sweep.formula import Formula, formula
from unstuck.errors import StudyError
from unstuck.sweep import CoarseToFine, Plan, Sampled
from unstuck.sweep.attempt import Outcome
from unstuck.sweep.course import coarse_to_fine, wanted
from unstuck.sweep.show import Quiet
from unstuck.sweep.study import Study
from unstuck.sweep.unsaved import UNSAVED
from unstuck.sweep.work import work
from unstuck.train import Epoch, Means

FORK = multiprocessing.get_context("fork")  # a fresh interpreter takes seconds to import torch

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class Slow(Formula):
    """A trainer that takes its time, and says in a file what it has made."""

    def __init__(self, file):
        super().__init__()
        self._file = file

    def train(self, space, tries, after_epoch, say):
        for attempt in tries:
            time.sleep(0.02)
            with self._file.open("a") as made:
                made.write(attempt.key + "\n")
            yield attempt, formula(attempt)


def start(journal, made):
    process = FORK.Process(target=_work, args=(journal, made))
    process.start()
    return process


def _work(journal, made):
    work(Study(None, journal), CoarseToFine(), Slow(made), show=Quiet(), folder=journal.parent)


def ended(process):
    process.join(120)
    return process.exitcode


def every(space):
    """The keys of all tries of a sweep that nothing interrupts."""
    known = {}
    while batch := wanted(coarse_to_fine(space, Plan()), known):
        known |= {attempt.key: formula(attempt) for attempt in batch}
    return known


def test_a_sweep_makes_every_try_once(space, study, tmp_path):
    trainer = Formula()
    known = work(study, CoarseToFine(), trainer, show=Quiet(), folder=tmp_path)
    assert Counter(attempt.key for attempt in trainer.made) == Counter(list(every(space)))
    assert known.keys() == every(space).keys()
    again = Formula()
    assert work(study, CoarseToFine(), again, show=Quiet(), folder=tmp_path).keys() == known.keys()
    assert again.made == []


def test_two_processes_share_one_journal(space, study, tmp_path):
    made = tmp_path / "made"
    both = [start(tmp_path / "study.journal", made) for _ in range(2)]
    assert [ended(process) for process in both] == [0, 0]
    assert Counter(made.read_text().splitlines()) == Counter(list(every(space)))
    assert study.over().keys() == every(space).keys()
    workers = {entry.worker for entry in study.entries() if entry.state == "over"}
    assert len(workers) == 2


def test_after_kill_9_no_try_is_lost_or_told_twice(space, study, tmp_path):
    made, draw, killed = tmp_path / "made", random.Random(0), 0
    for _ in range(4):
        process = start(tmp_path / "study.journal", made)
        time.sleep(draw.uniform(0.05, 0.3))
        killed += process.is_alive()
        process.kill()
        process.join()
    assert killed
    assert ended(start(tmp_path / "study.journal", made)) == 0
    over = [entry.attempt.key for entry in study.entries() if entry.state == "over"]
    assert Counter(over) == Counter(list(every(space)))
    counts = Counter(made.read_text().splitlines())
    assert counts.keys() == every(space).keys()
    assert sum(counts.values()) <= len(counts) + killed, "only what was being made when it was killed is made again"


def test_the_claim_of_a_killed_process_is_made_by_another_that_runs(space, study, tmp_path):
    made = tmp_path / "made"
    both = [start(tmp_path / "study.journal", made) for _ in range(2)]
    time.sleep(0.1)
    both[0].kill()
    both[0].join()
    assert ended(both[1]) == 0
    assert study.over().keys() == every(space).keys()


class Removing(Formula):
    """A trainer during whose third try the journal is removed."""

    def __init__(self, file, *, back=None):
        super().__init__()
        self._file, self._back = file, back

    def train(self, space, tries, after_epoch, say):
        for attempt, outcome in super().train(space, tries, after_epoch, say):
            if len(self.made) == 3:
                self._file.replace(self._file.with_suffix(".away"))
            yield attempt, outcome


def test_a_storage_that_is_gone_in_the_middle_loses_nothing(space, study, tmp_path):
    file, trainer = tmp_path / "study.journal", Removing(tmp_path / "study.journal")
    with pytest.raises(StudyError) as error:
        work(study, CoarseToFine(), trainer, show=Quiet(), folder=tmp_path / "beside", retry=0.2)
    assert "the 3 outcomes that are known are kept in" in str(error.value)
    assert len((tmp_path / "beside" / UNSAVED).read_text().splitlines()) == 3
    fresh, after = Study(space, file), Formula()
    known = work(fresh, CoarseToFine(), after, show=Quiet(), folder=tmp_path / "beside")
    assert len(after.made) == len(every(space)) - 3
    assert known.keys() == every(space).keys()


def test_a_storage_that_comes_back_is_gone_on_with(space, study, tmp_path):
    file = tmp_path / "study.journal"
    said = []

    class Returning(Quiet):
        def say(self, line):
            said.append(line)
            if file.with_suffix(".away").exists():
                file.with_suffix(".away").replace(file)

    known = work(study, CoarseToFine(), Removing(file), show=Returning(), folder=tmp_path, retry=20)
    assert known.keys() == every(space).keys()
    assert any("trying again" in line for line in said)


def test_ctrl_c_gives_back_what_was_being_tried(space, study, tmp_path):
    class Interrupted(Formula):
        def train(self, space, tries, after_epoch, say):
            if len(self.made) == 2:
                raise KeyboardInterrupt
            yield from super().train(space, tries, after_epoch, say)

    with pytest.raises(KeyboardInterrupt):
        work(study, CoarseToFine(), Interrupted(), show=Quiet(), folder=tmp_path)
    states = Counter(entry.state for entry in study.entries())
    assert (states["over"], states["running"], states["gone"]) == (2, 0, 1)
    assert study.alive() == 1
    assert work(study, CoarseToFine(), Formula(), show=Quiet(), folder=tmp_path).keys() == every(space).keys()


def test_a_pruner_of_optuna_is_asked_after_every_epoch(space, tmp_path):
    class Epochs(Formula):
        def train(self, space, tries, after_epoch, say):
            for attempt in tries:
                outcome, reason = formula(attempt), None
                for number in range(1, 4):
                    means = Means(loss=outcome.loss, accuracy=outcome.accuracy, examples=9)
                    reason = reason or after_epoch(attempt, Epoch(number=number, train=means, validation=means))
                yield attempt, Outcome(reason="pruned", said=reason.said) if reason else outcome

    strategy = Sampled(sampler="random seed=3", pruner="median n_startup_trials=2", plan=Plan(tries=12, seeds=1))
    study = Study(space, tmp_path / "other.journal", how=strategy.how)
    known = work(study, strategy, Epochs(), show=Quiet(), folder=tmp_path)
    said = [one.outcome.said for one in known.values() if one.outcome.reason == "pruned"]
    assert any(text.startswith("pruned by Optuna's median") for text in said)
    assert json.dumps([one.outcome.to_dict() for one in known.values()])
