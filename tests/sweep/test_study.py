from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sweep.formula import SMALL, outcome
from unstuck.errors import StudyError
from unstuck.sweep import read_space
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.storage import optuna
from unstuck.sweep.study import GONE, TRY, WORKER, Study
from unstuck.sweep.worker import Watch


def tries(space, *rates):
    return [Try(setting={**space.stands, "optimizer.lr": rate}, stage="coarse") for rate in rates]


def states(study):
    return [entry.state for entry in study.entries()]


def test_a_try_waits_is_claimed_by_one_and_ends(space, study, tmp_path):
    other = Study(space, tmp_path / "study.journal")
    study.add(tries(space, 0.1, 0.2, 0.3))
    mine, theirs = study.claim(2), other.claim(5)
    assert [len(mine), len(theirs)] == [2, 1]
    assert not {entry.number for entry in mine} & {entry.number for entry in theirs}
    for entry in mine:
        assert study.tell(entry, outcome())
    assert other.tell(theirs[0], Outcome(reason="pruned", code="O201", said="it climbs"))
    assert states(study) == ["over"] * 3
    assert {one.outcome.reason for one in study.over().values()} == {"completed", "pruned"}
    assert study.optuna.best_value == 0.9


def test_many_claim_at_once_and_none_is_had_twice(space, tmp_path):
    studies = [Study(space, tmp_path / "study.journal") for _ in range(4)]
    studies[0].add(tries(space, *(0.001 * k for k in range(1, 21))))
    with ThreadPoolExecutor(4) as pool:
        claimed = [entry.number for entries in pool.map(lambda study: study.claim(20), studies) for entry in entries]
    assert sorted(claimed) == list(range(20))


def test_of_two_trials_of_one_try_the_earlier_counts(space, study, tmp_path):
    other = Study(space, tmp_path / "study.journal")
    study.add(tries(space, 0.1))
    other.add(tries(space, 0.1))
    first = study.claim(1)
    assert other.claim(5) == []
    assert states(study) == ["running", "gone"]
    study.tell(first[0], outcome())
    assert len(study.over()) == 1


def dead(study, entry, **attributes):
    """Let a claim be one of a process that is gone."""
    host = study.worker.name.split("|")[0]
    study._storage.set_trial_user_attr(entry.identity, WORKER, f"{host}|{2**22 + 5}|1|ab")
    for key, value in attributes.items():
        study._storage.set_trial_user_attr(entry.identity, f"unstuck:{key}", value)


def test_what_a_dead_worker_had_claimed_is_added_anew_once(space, study, tmp_path):
    study.add(tries(space, 0.1))
    (entry,) = study.claim(1)
    other = Study(space, tmp_path / "study.journal")
    assert other.revive() == []
    dead(study, entry)
    assert [lost.number for lost in other.revive()] == [0]
    assert other.revive() == []
    assert states(other) == ["gone", "waiting"]
    assert not study.tell(entry, outcome(0.1)), "the worker was only slow, and its try was given to another"
    (again,) = other.claim(1)
    assert other.tell(again, outcome(0.8))
    assert [one.outcome.accuracy for one in other.over().values()] == [0.8]


def test_one_that_died_between_its_outcome_and_the_end_of_the_trial_has_made_it(space, study, tmp_path):
    study.add(tries(space, 0.1))
    (entry,) = study.claim(1)
    dead(study, entry, outcome=outcome(0.7).to_dict())
    other = Study(space, tmp_path / "study.journal")
    assert other.revive() == []
    assert states(other) == ["over"]
    assert next(iter(other.over().values())).outcome.accuracy == 0.7


def test_a_trial_in_the_name_of_one_who_has_not_claimed_it_is_watched(space, study, tmp_path):
    study.add(tries(space, 0.1))
    (entry,) = study.claim(1)
    other = Study(space, tmp_path / "study.journal")
    study._storage.set_trial_user_attr(entry.identity, WORKER, other.worker.name)
    assert other.revive() == []
    other._watch = Watch(silent=-1.0)
    assert [lost.number for lost in other.revive()] == [0]


def test_what_is_given_back_waits_again(space, study):
    study.add(tries(space, 0.1))
    study.give_back(study.claim(1), "interrupted")
    assert states(study) == ["gone", "waiting"]
    trial = study.optuna.get_trials(deepcopy=False)[0]
    assert trial.user_attrs[GONE] == "interrupted"
    assert TRY in trial.user_attrs


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"over": ["optimizer.lr=1e-3..1", "optimizer.weight_decay=0, 1e-3..1e-1"]}, "other values of optimizer.lr"),
        ({"over": ["optimizer.lr=1e-3..10"]}, "sweeps optimizer.lr, optimizer.weight_decay, not optimizer.lr"),
        ({"overrides": [*SMALL, "train.epochs=5"]}, "of another recipe"),
        ({"quick": True}, "without --quick"),
    ],
)
def test_a_study_of_another_sweep_is_refused_and_left_alone(study, tmp_path, changes, said):
    asked = {"over": ["optimizer.lr=1e-3..10", "optimizer.weight_decay=0, 1e-3..1e-1"], "overrides": SMALL, **changes}
    before = (tmp_path / "study.journal").read_bytes()
    with pytest.raises(StudyError) as error:
        Study(read_space("mlp", **asked), tmp_path / "study.journal")
    assert said in str(error.value)
    assert (tmp_path / "study.journal").read_bytes() == before
    assert Study(None, tmp_path / "study.journal").space == study.space


def test_another_way_to_search_is_another_sweep(space, study, tmp_path):
    with pytest.raises(StudyError, match="was begun with"):
        Study(space, tmp_path / "study.journal", how={"strategy": "tpe"})


def test_a_study_that_is_not_there_or_not_ours_is_refused(space, tmp_path):
    with pytest.raises(StudyError, match="no study 'sweep'"):
        Study(None, f"sqlite:///{tmp_path}/study.db")
    foreign = optuna().create_study(study_name="sweep", storage=f"sqlite:///{tmp_path}/study.db", direction="maximize")
    foreign.ask()
    with pytest.raises(StudyError, match="not one of unstuck sweep"):
        Study(space, f"sqlite:///{tmp_path}/study.db")


def test_a_storage_that_is_gone_is_one_message(space, study, tmp_path):
    (tmp_path / "study.journal").unlink()
    for action in (study.entries, study.over, study.beat, study.revive, lambda: study.add(tries(space, 0.1))):
        with pytest.raises(StudyError, match=r"study\.journal was removed"):
            action()


def test_workers_that_are_alive_are_counted_until_they_leave(space, study, tmp_path):
    other = Study(space, tmp_path / "study.journal")
    study.beat()
    assert study.alive() == 1
    other.beat()
    assert study.alive() == 2
    other.leave()
    assert study.alive() == 1


def test_a_sampler_is_asked_and_a_pruner_is_told(space, study):
    study.optuna.sampler = optuna("samplers").RandomSampler(seed=1)
    study.optuna.pruner = optuna("pruners").MedianPruner(n_startup_trials=1, n_warmup_steps=0)
    good = study.ask("sampled", seed=0, patience=10)
    assert set(good.attempt.setting) == set(space.keys)
    assert not study.report(good, 0.9, 1)
    study.tell(good, outcome())
    assert study.report(study.ask("sampled", seed=0, patience=10), 0.1, 1)
