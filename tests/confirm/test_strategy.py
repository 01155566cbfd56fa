from __future__ import annotations

import numpy as np

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.strategy import Candidate, Strategy
from unstuck.confirm.trial import Ended
from unstuck.record import facts
from unstuck.record.facts import Invocation

DECAY = (("weight-decay", {}),)
FINER = (("learning-rate", {"rate": 0.3}),)

CANDIDATES = (
    Candidate(changes=RATE, words="with the rate at 0.1", causes=("lr-too-low",), rank=0),
    Candidate(changes=DECAY, words="without weight decay", causes=("regularisation-too-strong",), rank=1),
)


def strategy(candidates=CANDIDATES, finer=lambda one, gains: ()):
    return Strategy(
        candidates=candidates, finer=finer, invocation=Invocation(target="train.py"), steps=300, seconds=20.0
    )


def order(plan, made):
    """Names of all trials that follow, if each does what the last one of the same change did."""
    names = []
    while (following := plan.next(made, names)) is not None:
        names.append(following.name)
    return names


def test_the_control_comes_first_and_candidates_in_their_order():
    assert order(strategy(), []) == ["control-seed0", "learning-rate-rate-0.1-seed0", "weight-decay-seed0"]


def test_what_is_made_or_runs_is_not_begun_again(make):
    made = [make("control-seed0", losses(2.3, 2.3))]
    following = strategy().next(made, ["learning-rate-rate-0.1-seed0"])
    assert following is not None
    assert following.name == "weight-decay-seed0"


def test_once_learning_is_restored_only_draws_follow(make):
    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 0.3, seed=1), changes=RATE, turn=0))
    assert order(strategy(), made) == ["learning-rate-rate-0.1-seed1", "control-seed1"]


def test_where_it_is_not_far_better_a_third_draw_is_made(make):
    wild = 0.9 * np.random.default_rng(5).normal(size=300)
    made = [make("control-seed0", losses(2.3, 2.3) + wild)]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 0.9, seed=1) + wild, changes=RATE, turn=0))
    assert "learning-rate-rate-0.1-seed2" in order(strategy(), made)


def test_a_training_whose_loss_tells_nothing_is_not_tried(make):
    drawn = np.random.default_rng(0).normal(size=300)
    made = [make("control-seed0", drawn, loss=facts.Loss(function="own"))]
    assert order(strategy(), made) == []


def test_one_that_helps_a_little_does_not_end_the_search(make):
    made = [make("control-seed0", losses(2.3, 1.5))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 0.9, seed=1), changes=RATE))
    assert "weight-decay-seed0" in order(strategy(), made)


def test_a_rival_that_ranks_higher_is_tried_all_the_same(make):
    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(
        make("weight-decay-seed0", losses(2.3, 0.3, seed=1), changes=DECAY, causes=("regularisation-too-strong",))
    )
    assert "learning-rate-rate-0.1-seed0" in order(strategy(), made)


def test_finer_changes_follow_the_best_and_end(make):
    def finer(one, gains):
        known = [changes for changes, _ in gains]
        return [
            Candidate(changes=FINER, words="with the rate at 0.3", causes=one.causes) for _ in [0] if FINER not in known
        ]

    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 0.9, seed=1), changes=RATE))
    assert "learning-rate-rate-0.3-seed0" in order(strategy(finer=finer), made)


def test_two_that_help_alike_are_tried_together(make):
    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 1.0, seed=1), changes=RATE))
    made.append(
        make("weight-decay-seed0", losses(2.3, 1.0, seed=2), changes=DECAY, causes=("regularisation-too-strong",))
    )
    assert "learning-rate-rate-0.1+weight-decay-seed0" in order(strategy(), made)


def test_without_a_control_that_trains_nothing_follows(make):
    made = [make("control-seed0", losses(2.3, 2.3), ended=Ended(how="crashed", status=1))]
    assert order(strategy(), made) == []
    assert strategy().planned(made) == 1


def test_a_change_that_a_finding_asks_for_and_that_may_help_is_drawn_again_before_others(make):
    wild = 0.9 * np.random.default_rng(5).normal(size=300)
    beyond = Candidate(changes=(("momentum", {}),), words="with momentum", causes=("optimizer-unsuited",))
    made = [make("control-seed0", losses(2.3, 1.6) + wild)]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 1.35, seed=1) + wild[::-1], changes=RATE))
    assert order(strategy((CANDIDATES[0], beyond)), made) == [
        "learning-rate-rate-0.1-seed1",
        "learning-rate-rate-0.1-seed2",
        "control-seed1",
        "control-seed2",
        "momentum-seed0",
    ]
