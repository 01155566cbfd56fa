from __future__ import annotations

from dataclasses import replace

import pytest

from tests.confirm.conftest import losses
from unstuck.confirm.advice import advice, beside
from unstuck.confirm.tested import results_of
from unstuck.confirm.trial import Ended, Plan
from unstuck.record import Finding, Where


def rate(value: float, of: str = "rate"):
    return (("learning-rate", {of: value}),)


@pytest.fixture
def tried(make):
    """What came of rates, given the loss with each."""

    def of(ends: dict[float, float], *, causes=("lr-too-low",)):
        trials = [make("control-seed0", losses(2.3, 2.3))]
        for turn, (value, end) in enumerate(ends.items()):
            values = losses(2.3, end, seed=turn)
            trial = make(f"rate-{value}", values, changes=rate(value), turn=turn, causes=causes)
            trials.append(replace(trial, plan=replace(trial.plan, words=f"with the rate at {value:g}")))
        results = results_of(trials)
        return {one.plan.changes[0][1]["rate"]: one for one in results}

    return of


def test_the_neighbours_on_both_sides_are_named_and_no_other(tried):
    results = tried({0.7: 0.1, 0.07: 0.9, 0.35: 0.5, 1.4: 0.4, 7.0: 2.3})
    said = beside(results[0.7], list(results.values()), [])
    assert said == " Tried and worse: with the rate at 0.35; with the rate at 1.4."


def test_a_neighbour_that_is_as_good_is_not_called_worse(tried):
    results = tried({0.7: 0.1, 0.35: 0.1, 1.4: 0.4})
    said = beside(results[0.7], list(results.values()), [])
    assert said == " Tried and worse: with the rate at 1.4. About as good: with the rate at 0.35."


def test_a_rate_with_which_the_program_ends_with_an_error_was_tried(tried):
    results = tried({0.7: 0.1, 0.35: 0.5})
    failed = Plan(name="", changes=rate(1.4), words="with the rate at 1.4")
    said = beside(results[0.7], list(results.values()), [failed])
    assert said == " Tried and worse: with the rate at 0.35; with the rate at 1.4."


@pytest.mark.parametrize(("cause", "open_side"), [("lr-too-low", "higher"), ("lr-too-high", "lower")])
def test_the_side_that_was_not_tried_is_said_and_the_present_rate_was(tried, cause, open_side):
    results = tried({0.7: 0.1}, causes=(cause,))
    assert beside(results[0.7], list(results.values()), []) == f" No {open_side} rate was tried."


def test_what_was_best_takes_the_place_of_what_was_advised(tried):
    results = tried({0.7: 0.9, 1.4: 0.1})
    where = Where(file="train.py", line=8)
    finding = Finding(
        code="O202", cause="lr-too-low", severity="error", confidence=0.8, summary="s", advice="Try 0.7.", where=where
    )
    every = list(results.values())
    obeyed = [results[0.7]]
    assert advice(finding, results[0.7], obeyed, obeyed, []) == (
        "Train with the rate at 0.7 (at train.py:8). No higher rate was tried."
    )
    assert advice(finding, results[1.4], every, every, []) == (
        "Train with the rate at 1.4 (at train.py:8). Tried and worse: with the rate at 0.7. No higher rate was tried."
    )


def test_a_change_for_another_cause_that_helps_more_is_named(make):
    trials = [make("control-seed0", losses(2.3, 2.3))]
    trials.append(make("scaled", losses(2.3, 1.0, seed=1), changes=(("inputs-standardised", {}),), turn=0))
    trials.append(make("adam", losses(2.3, 0.1, seed=2), changes=(("method", {"to": "Adam"}),), turn=1))
    every = results_of(trials)
    by_remedy = {one.plan.changes[0][0]: one for one in every}
    inputs, method = by_remedy["inputs-standardised"], by_remedy["method"]
    raw = Finding(
        code="D101", cause="inputs-not-scaled", severity="error", confidence=0.8, summary="s", advice="Scale."
    )
    assert advice(raw, inputs, [inputs], every, []) == f"Scale. Helps more: {method.plan.words}."
    assert advice(raw, method, [method], every, []) == f"Train {method.plan.words}."


def test_other_settings_of_another_remedy_are_named_in_the_order_of_what_they_did(make):
    trials = [make("control-seed0", losses(2.3, 2.3))]
    for value, end in ((0.0, 0.3), (0.1, 1.0), (0.2, 2.0)):
        trial = make(f"decay-{value}", losses(2.3, end), changes=(("weight-decay", {"weight_decay": value}),))
        trials.append(replace(trial, plan=replace(trial.plan, words=f"with {value:g}")))
    crashed = make("rate", losses(2.3, 2.3), changes=rate(9.0), ended=Ended(how="crashed"))
    results = results_of([*trials, crashed])
    assert beside(results[0], results, [crashed.plan]) == " Tried and worse: with 0.1; with 0.2."


TOO_FEW = Finding(
    code="O401",
    cause="too-few-steps",
    severity="warning",
    confidence=0.8,
    summary="s",
    advice="Try lr=0.01. If that is no better: Train longer.",
)


WAYS = {
    "rate": (rate(0.01), 300, "with the rate at 0.01"),
    "twice": ((("more-steps", {"factor": 2.0}),), 600, "with 2 times the steps"),
    "four": ((("more-steps", {"factor": 4.0}),), 1200, "with 4 times the steps"),
}


@pytest.fixture
def longer(make):
    """What came of a rate and of twice and four times the steps, given the loss with each."""

    def of(**ends):
        finished = Ended(how="finished")
        trials = [make("control-seed0", losses(2.3, 2.0), ended=finished)]
        for turn, (name, end) in enumerate(ends.items()):
            changes, steps, words = WAYS[name]
            values = losses(2.3, end, steps=steps, seed=turn)
            trial = make(name, values, changes=changes, ended=finished, turn=turn)
            trials.append(replace(trial, plan=replace(trial.plan, words=words)))
        return {one.plan.words: one for one in results_of(trials)}

    return of


def test_advice_of_two_changes_that_both_help_becomes_the_better_one_and_names_the_other(longer):
    results = longer(rate=0.2, twice=1.4, four=0.8)
    said = advice(TOO_FEW, results["with the rate at 0.01"], list(results.values()), list(results.values()), [])
    assert said.startswith("Train with the rate at 0.01.")
    assert said.endswith(" Helps too, but less: with 4 times the steps.")


def test_advice_that_was_in_vain_is_named_beside_what_helps_and_fewer_steps_go_without_saying(longer):
    results = longer(rate=2.0, twice=1.4, four=0.8)
    said = advice(TOO_FEW, results["with 4 times the steps"], list(results.values()), list(results.values()), [])
    assert said == "Train with 4 times the steps. Tried and no better: with the rate at 0.01."


def test_more_steps_than_the_best_are_named(longer):
    results = longer(twice=0.8, four=1.4)
    best = results["with 2 times the steps"]
    assert beside(best, list(results.values()), []) == " Tried and worse: with 4 times the steps."
