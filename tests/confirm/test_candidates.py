from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.confirm.conftest import CLASSES
from unstuck.confirm.candidates import PRIOR, RATES, candidates, finer
from unstuck.record import CAUSES, Finding, Verdict, facts, signals
from unstuck.rules.rate import derived_higher_rate
from unstuck.rules.stable_rate import StableRate
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
    every = (*RATES, *PRIOR)
    assert set(every) <= set(CAUSES)
    assert len(set(every)) == len(every)


ADAM = facts.Optimizer(type="Adam", groups=(facts.ParameterGroup(parameters=2, learning_rate=5e-4),))


def test_what_the_printed_advice_asks_for_is_tried_first_whatever_it_proves(tmp_path, monkeypatch):
    stable = StableRate(0.01, "of the inputs")
    monkeypatch.setattr("unstuck.rules.rate.stable_rate", lambda run: stable)
    with record(tmp_path / "run", series={signals.LOSS: np.linspace(2.3, 1.6, 250)}, facts=[CLASSES, ADAM]) as opened:
        sentence = derived_higher_rate(opened)
        advised = replace(finding("too-few-steps"), advice=f"{sentence} If that is no better: Train longer.")
        first, second, *_ = of(opened, advised)
        assert first.changes == (("learning-rate", {"rate": 0.01}),)
        assert (first.causes, first.rank, first.decides) == (("too-few-steps", "lr-too-low"), 0, False)
        assert (second.changes, second.rank) == ((("more-steps", {"factor": 2.0}),), 0)
        without = of(opened, replace(finding("too-few-steps"), advice="Train longer."))
        assert without[0].changes == (("more-steps", {"factor": 2.0}),)
        about = finer(opened, first, [(first.changes, 0.8)])
        assert {(one.causes, one.decides) for one in about} == {(first.causes, False)}


@pytest.mark.parametrize(("end", "cause"), [(1.6, "lr-too-low"), (2.3, "lr-too-high")])
def test_where_the_loss_falls_higher_rates_are_tried_before_lower_ones(tmp_path, end, cause):
    falls = np.linspace(2.3, end, 250) + np.random.default_rng(0).normal(0.0, 0.02, 250)
    sgd = facts.Optimizer(type="SGD", groups=(GROUP,))
    with record(tmp_path / "run", series={signals.LOSS: falls}, facts=[CLASSES, sgd]) as opened:
        assert of(opened, kind="improvable")[0].causes == (cause,)


def test_where_some_is_learnt_higher_rates_come_first_though_the_fall_is_lost_in_noise(tmp_path, monkeypatch):
    monkeypatch.setattr("unstuck.learning.Learning.outcome", "partial")
    sgd = facts.Optimizer(type="SGD", groups=(GROUP,))
    with record(tmp_path / "run", series={signals.LOSS: np.full(100, 2.3)}, facts=[CLASSES, sgd]) as opened:
        assert of(opened, kind="improvable")[0].causes == ("lr-too-low",)
