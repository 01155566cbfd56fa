from __future__ import annotations

import numpy as np
import pytest

from tests.confirm.conftest import CLASSES
from unstuck.confirm.candidates import PRIOR, candidates
from unstuck.record import CAUSES, Finding, Verdict, facts, signals
from unstuck.testing.rules import record

GROUP = facts.ParameterGroup(parameters=2, learning_rate=1.0, weight_decay=0.1)


@pytest.fixture
def run(tmp_path):
    sgd = facts.Optimizer(type="SGD", groups=(GROUP,))
    with record(tmp_path / "run", series={signals.LOSS: np.full(100, 2.3)}, facts=[CLASSES, sgd]) as opened:
        yield opened


def finding(cause, confidence=0.6, severity="error"):
    return Finding(code="O201", cause=cause, severity=severity, confidence=confidence, summary="s", advice="a")


def of(run, *findings, kind="findings"):
    made, _ = candidates(run, Verdict(kind=kind, findings=findings))
    return made


def test_the_first_change_of_each_finding_comes_before_the_second_of_any(run):
    made = of(run, finding("lr-too-high"), finding("regularisation-too-strong"))
    assert [one.rank for one in made[:2]] == [0, 1]
    assert made[0].causes == ("lr-too-high",)
    assert made[1].causes == ("regularisation-too-strong",)


def test_then_follows_the_catalogue(run):
    made = of(run, finding("lr-too-high"))
    assert {one.rank for one in made} == {0, None}
    assert any(one.causes == ("lr-too-low",) for one in made)


def test_each_change_is_tried_once(run):
    made = of(run, finding("lr-too-high"))
    assert len({str(one.changes) for one in made}) == len(made)


def test_behind_a_sure_finding_that_nothing_would_prove_nothing_is_tried(run):
    assert of(run, finding("split-leak", confidence=0.9)) == ()
    assert of(run, finding("split-leak", confidence=0.5)) != ()


def test_of_a_healthy_training_nothing_is_tried(run):
    assert of(run, kind="healthy") == ()
    assert of(run, finding("lr-too-high", severity="note"), kind="healthy") == ()


def test_without_a_finding_the_catalogue_is_tried(run):
    assert of(run, kind="not learnt") != ()
    assert all(one.rank is None for one in of(run, kind="not learnt"))


def test_a_rate_proves_what_it_is_a_change_of(run):
    for one in of(run, kind="not learnt"):
        if one.changes[0][0] == "learning-rate":
            higher = one.changes[0][1]["rate"] > 1.0
            assert one.causes == (("lr-too-low",) if higher else ("lr-too-high",))


def test_the_catalogue_names_causes_that_are_known():
    assert set(PRIOR) <= set(CAUSES)
    assert len(set(PRIOR)) == len(PRIOR)
