"""Findings are checked when they are made, and say where they are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from unstuck.errors import ArgumentError
from unstuck.record import CAUSES, Confirmation, Finding, TrainingName, Where

FINDING = {
    "code": "O201",
    "cause": "lr-too-high",
    "severity": "error",
    "confidence": 0.9,
    "summary": "The loss climbs.",
    "advice": "Divide the rate by ten.",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [("cause", "bad-luck"), ("severity", "fatal"), ("confidence", 1.5), ("confidence", float("nan"))],
)
def test_an_impossible_finding_is_refused(field, value):
    with pytest.raises(ArgumentError, match=field):
        Finding(**{**FINDING, field: value})


def test_where_reads_from_the_finest_place():
    assert str(Where(module="a", parameter="a.weight", file="t.py", line=3)) == "a.weight, t.py:3"
    assert str(Where()) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (TrainingName(variable="net", type="Net", file="/home/me/train.py", line=12), "`net`, train.py:12"),
        (TrainingName(type="Net", file="train.py", line=12, position=1, count=2), "Net, train.py:12, the 1st of 2"),
        (TrainingName(file="train.py", line=12, position=12, count=112), "train.py:12, the 12th of 112"),
        (TrainingName(variable="net", position=22, count=30), "`net`, the 22nd of 30"),
        (TrainingName(), "the training"),
    ],
)
def test_a_training_is_called_what_the_user_calls_it(name, words):
    assert str(name) == words


def test_a_place_in_one_of_several_trainings_says_which_and_no_line_twice():
    name = TrainingName(variable="net", file="train.py", line=12)
    inner = Where(module="0", training=name, file="train.py", line=12)
    assert str(inner) == "0 of `net`, train.py:12"
    assert str(Where(training=name, file="loss.py", line=3)) == "`net`, train.py:12, loss.py:3"


def test_every_cause_has_a_family_and_a_meaning():
    assert len(CAUSES) >= 37
    assert all(cause.family and cause.meaning for cause in CAUSES.values())


@pytest.mark.parametrize(
    ("start", "before", "after", "says"),
    [
        (2.31, 2.3, 0.31, "falls to 0.31 in 300 steps; unchanged it stays at 2.3"),
        (2.31, 1.4, 0.31, "falls to 0.31 in 300 steps; unchanged it falls to 1.4"),
        (2.31, 80.0, 2.3, "stays at 2.3 in 300 steps; unchanged it rises to 80"),
        (-1.0, -4.8, 0.3, "rises to 0.3 in 300 steps; unchanged it falls to -4.8"),
        (2.31, math.nan, math.inf, "is not finite any more in 300 steps; unchanged it is not finite any more"),
        (math.nan, 2.3, 0.31, "is 0.31 in 300 steps; unchanged it is 2.3"),
    ],
)
def test_a_confirmation_says_what_each_side_does(start, before, after, says):
    tried = Confirmation(remedy="with it", metric="loss", start=start, before=before, after=after, steps=300)
    assert str(replace(tried, seeds=3, agree=2)) == f"with it the loss {says} (2 of 3 seeds)"
    assert str(tried) == f"with it the loss {says} (1 seed; the noise is that of its batches)"
    assert str(replace(tried, helped=False)) == f"with it the loss {says}"


@pytest.mark.parametrize(("before", "course"), [(0.14, "stays at 14%"), (0.4, "rises to 40%"), (0.02, "falls to 2%")])
def test_shares_are_told_from_what_a_guess_has(before, course):
    tried = Confirmation(
        remedy="with it", metric="training accuracy", start=0.1, before=before, after=0.9, steps=9, seeds=3, agree=2
    )
    said = f"with it the training accuracy rises to 90% in 9 steps; unchanged it {course} (2 of 3 seeds)"
    assert str(tried) == said
