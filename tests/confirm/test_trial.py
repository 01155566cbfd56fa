from __future__ import annotations

import json

import pytest

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.trial import Ended, Plan, Trial, read_trials
from unstuck.record.facts import Invocation


def test_a_plan_comes_back_as_it_was(tmp_path):
    invocation = Invocation(target="train.py", args=("--fast",), folder="/home/me", variables=("HOME",))
    plan = Plan(name="rate", changes=RATE, words="with it", causes=("lr-too-low",), seed=2, invocation=invocation)
    plan.write(tmp_path)
    assert Plan.read(tmp_path) == plan
    assert not plan.control


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": 1, "changes": 3}'])
def test_a_damaged_plan_is_refused(tmp_path, text):
    (tmp_path / "trial.json").write_text(text)
    with pytest.raises(ValueError, match="no plan of a trial"):
        Plan.read(tmp_path)


def test_trials_are_read_in_the_order_of_their_names(make, tmp_path):
    make("rate-seed0", losses(2.3, 0.3), changes=RATE)
    make("control-seed0", losses(2.3, 2.3))
    assert [trial.plan.name for trial in read_trials(tmp_path)] == ["control-seed0", "rate-seed0"]


def test_a_trial_that_was_cut_off_is_none(make, tmp_path):
    make("control-seed0", losses(2.3, 2.3))
    (tmp_path / "trials" / "control-seed0" / "ended.json").unlink()
    assert read_trials(tmp_path) == ()
    assert read_trials(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("ended", "usable"),
    [
        (Ended(how="bound"), True),
        (Ended(how="time"), True),
        (Ended(how="finished"), True),
        (Ended(how="crashed", status=1), False),
        (Ended(how="cut"), True),
        (Ended(how="late"), False),
        (Ended(how="bound", changed=False), False),
        (Ended(how="finished", reason="the script makes its updates itself"), True),
    ],
)
def test_what_counts(make, ended, usable):
    assert make("rate-seed0", losses(2.3, 0.3), changes=RATE, ended=ended).usable == usable


def test_the_last_words_of_a_crash(make):
    trial = make("control-seed0", losses(2.3, 2.3))
    (trial.folder / "output.txt").write_text("Traceback\n  ...\nKeyError: 'x'\n\n")
    assert trial.last_words == "KeyError: 'x'"


def test_an_ended_trial_without_a_run_has_none(make):
    trial = make("control-seed0", losses(2.3, 2.3))
    (trial.folder / "run.sqlite").write_bytes(b"")
    assert trial.open() is None


def test_fields_of_a_later_release_are_no_trial(make):
    trial = make("control-seed0", losses(2.3, 2.3))
    (trial.folder / "ended.json").write_text(json.dumps({"how": "bound", "mood": "good"}))
    assert Trial.read(trial.folder) is None
