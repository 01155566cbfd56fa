from __future__ import annotations

import numpy as np
import pytest

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.tested import best_of, key, measurable, results_of
from unstuck.confirm.trial import Ended
from unstuck.record import facts

OTHER = (("learning-rate", {"rate": 1.0}),)


def test_a_change_has_one_result_over_its_draws(make):
    trials = [make(f"control-seed{i}", losses(2.3, 2.3, seed=i), seed=i) for i in range(2)]
    trials += [make(f"rate-seed{i}", losses(2.3, 0.3, seed=9 + i), changes=RATE, seed=i) for i in range(2)]
    (one,) = results_of(trials)
    assert (one.effect.seeds, one.effect.agree, one.effect.says) == (2, 2, "restores")


def test_what_did_not_change_anything_is_no_result(make):
    trials = [make("control-seed0", losses(2.3, 2.3))]
    trials.append(make("rate-seed0", losses(2.3, 0.3), changes=RATE, ended=Ended(how="bound", changed=False)))
    assert results_of(trials) == ()


def test_of_two_that_help_alike_the_first_that_was_planned(make):
    trials = [
        make("control-seed0", losses(2.3, 2.3)),
        make("other-seed0", losses(2.3, 0.30, seed=1), changes=OTHER, turn=7),
        make("rate-seed0", losses(2.3, 0.32, seed=2), changes=RATE, turn=1),
    ]
    best = best_of(results_of(trials))
    assert best is not None
    assert best.plan.changes == RATE


def test_one_that_helps_more_is_better_wherever_it_was_planned(make):
    trials = [
        make("control-seed0", losses(2.3, 2.3)),
        make("other-seed0", losses(2.3, 0.3, seed=1), changes=OTHER, turn=7),
        make("rate-seed0", losses(2.3, 0.9, seed=2), changes=RATE, turn=1),
    ]
    best = best_of(results_of(trials))
    assert best is not None
    assert best.plan.changes == OTHER
    assert best_of([]) is None


def test_keys_do_not_depend_on_the_order_of_settings():
    assert key((("r", {"a": 1, "b": 2}),)) == key((("r", {"b": 2, "a": 1}),))


LONGER = (("more-steps", {"factor": 2.0}),)


@pytest.mark.parametrize(
    ("how", "steps", "then", "says"),
    [
        ("finished", 300, "finished", "restores"),
        ("finished", 150, "finished", "unknown"),  # it could not be made longer
        ("bound", 300, "finished", "unknown"),  # nothing is known of the end of the unchanged one
        ("finished", 300, "time", "unknown"),
    ],
)
def test_more_steps_are_compared_with_the_end_of_the_training(make, how, steps, then, says):
    trials = [
        make("control-seed0", losses(2.3, 2.0, steps=150), ended=Ended(how=how)),
        make(
            "more-seed0",
            losses(2.3, 0.3, steps=steps),
            changes=LONGER,
            causes=("too-few-steps",),
            ended=Ended(how=then),
        ),
    ]
    (one,) = results_of(trials)
    assert one.effect.says == says
    assert one.effect.steps in (0, 300)  # those of the longer one


def test_the_numbers_of_a_loss_that_was_exchanged_are_not_compared(make):
    own = facts.Loss(function="own")
    exchanged = (("loss-replaced", {"given": "nll_loss", "loss": "cross_entropy"}),)
    trials = [
        make("control-seed0", losses(9.0, 8.0), loss=own),
        make("loss-seed0", losses(2.3, 0.3), changes=exchanged, causes=("loss-wrong",), loss=own),
    ]
    assert results_of(trials)[0].effect.says == "unknown"


def test_a_training_whose_loss_tells_nothing_cannot_be_compared(make):
    drawn = np.random.default_rng(0).normal(size=300)
    assert measurable([make("control-seed0", losses(2.3, 2.3))])
    assert not measurable([make("control-seed1", drawn, loss=facts.Loss(function="own"))])


def test_a_mode_in_evaluations_shows_in_evaluations_alone(make):
    modes = (("modes", {"evaluation": True}),)
    trials = [make("control-seed0", losses(2.3, 0.5)), make("modes-seed0", losses(2.3, 0.5), changes=modes)]
    assert results_of(trials)[0].effect.says == "unknown"
