from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.strategy import Candidate, Strategy
from unstuck.confirm.trial import Ended, Plan
from unstuck.record import facts
from unstuck.record.facts import Invocation

DECAY = (("weight-decay", {}),)
FINER = (("learning-rate", {"rate": 0.3}),)

CANDIDATES = (
    Candidate(changes=RATE, words="with the rate at 0.1", causes=("lr-too-low",), rank=0),
    Candidate(changes=DECAY, words="without weight decay", causes=("regularisation-too-strong",), rank=1),
)


def strategy(candidates=CANDIDATES, finer=lambda one, gains: (), **more):
    control = Plan(name="", invocation=Invocation(target="train.py"), steps=300, seconds=20.0)
    return Strategy(candidates=candidates, finer=finer, control=control, **more)


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
    assert order(strategy(), made) == ["control-seed1", "learning-rate-rate-0.1-seed1"]


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


def test_two_that_mend_the_same_finding_are_not(make):
    causes = ("too-few-steps", "lr-too-low")
    advised = replace(CANDIDATES[0], causes=causes)
    other = replace(CANDIDATES[1], causes=causes[:1])
    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 1.0, seed=1), changes=RATE, causes=causes))
    made.append(make("weight-decay-seed0", losses(2.3, 1.0, seed=2), changes=DECAY, causes=causes[:1]))
    assert not any("+" in name for name in order(strategy((advised, other)), made))


def test_what_tells_two_causes_of_the_best_apart_is_tried_though_it_restores_learning(make):
    causes = ("too-few-steps", "lr-too-low")
    advised = replace(CANDIDATES[0], causes=causes)
    other = replace(CANDIDATES[1], causes=causes[:1], rank=0)
    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 0.3, seed=1), changes=RATE, causes=causes))
    assert order(strategy((advised, other)), made)[0] == "weight-decay-seed0"
    assert "weight-decay-seed0" not in order(strategy((advised, replace(other, rank=1))), made)


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
        "control-seed1",
        "learning-rate-rate-0.1-seed1",
        "control-seed2",
        "learning-rate-rate-0.1-seed2",
        "momentum-seed0",
    ]


def test_a_second_draw_of_what_helps_comes_before_what_no_finding_asks_for(make):
    beyond = Candidate(changes=(("momentum", {}),), words="with momentum", causes=("optimizer-unsuited",))
    made = [make("control-seed0", losses(2.3, 1.5))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 0.9, seed=1), changes=RATE))

    def finer(one, gains):
        return [Candidate(changes=FINER, words="with the rate at 0.3", causes=one.causes)]

    assert order(strategy((*CANDIDATES, beyond), finer), made) == [
        "weight-decay-seed0",
        "learning-rate-rate-0.3-seed0",
        "control-seed1",
        "learning-rate-rate-0.1-seed1",
        "momentum-seed0",
        "control-seed2",
        "learning-rate-rate-0.1-seed2",
    ]


def test_a_second_draw_of_what_a_finding_asks_for_is_made_where_another_change_helps_more(make):
    adam = (("method", {"to": "Adam"}),)
    catalogue = Candidate(changes=adam, words="with Adam", causes=("optimizer-unsuited",), rank=None)
    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 1.2, seed=1), changes=RATE, turn=0))
    made.append(make("method-to-Adam-seed0", losses(2.3, 0.1, seed=2), changes=adam, turn=2))
    following = order(strategy((*CANDIDATES, catalogue)), made)
    assert "learning-rate-rate-0.1-seed1" in following
    assert following.index("method-to-Adam-seed1") < following.index("learning-rate-rate-0.1-seed1")


def test_a_rate_with_which_it_ends_with_an_error_counts_as_tried(make):
    made = [make("control-seed0", losses(2.3, 2.3))]
    made.append(make("learning-rate-rate-0.1-seed0", losses(2.3, 0.3, seed=1), changes=RATE))
    crashed = make("finer-seed0", losses(2.3, 2.3), changes=FINER, ended=Ended(how="crashed", status=1))
    (crashed.folder / "begun").touch()
    heard = []
    order(
        strategy(finer=lambda one, gains: heard.append(dict(map(str, pair) for pair in gains)) or ()), [*made, crashed]
    )
    assert heard[-1][str(FINER)] == "-1.0"


def test_names_end_with_the_mark(make):
    assert order(strategy(mark="-80-steps"), [])[0] == "control-seed0-80-steps"


LONGER = Candidate(
    changes=(("more-steps", {"factor": 2.0}),), words="with 2 times the steps", causes=("too-few-steps",), rank=0
)


@pytest.mark.parametrize(
    ("how", "length", "following"),
    [
        ("finished", 300, ["more-steps-factor-2-seed0"]),
        ("bound", 600, ["control-whole-seed0", "more-steps-factor-2-seed0"]),
        ("bound", 100_000, []),  # it cannot come to its end within the seconds of a trial
        ("time", 600, []),
    ],
)
def test_a_longer_training_is_tried_beside_one_to_its_own_end(make, how, length, following):
    plan = strategy((LONGER,), length=length)
    control = make("control-seed0", losses(2.3, 1.5), ended=Ended(how=how, seconds=2.0))
    assert order(plan, [control]) == following
    following_plan = plan.next([control], following[:-1])
    assert following_plan is None or (following_plan.whole and following_plan.longer == 2.0)


@pytest.mark.parametrize(("end", "wild"), [(0.5, 0.0), (1.74, 0.4)])
def test_a_longer_training_is_drawn_again_with_what_it_is_compared_with(make, end, wild):
    made = [make("control-seed0", losses(2.3, 2.0), ended=Ended(how="bound", seconds=2.0))]
    noise = wild * np.random.default_rng(5).normal(size=800)
    for name, changes, steps, lowest in (
        ("control-whole-seed0", (), 400, 2.0),
        ("more-steps-factor-2-seed0", LONGER.changes, 800, end),
    ):
        values = losses(2.3, lowest, steps=steps) + noise[:steps]
        trial = make(name, values, changes=changes, ended=Ended(how="finished"))
        made.append(replace(trial, plan=replace(trial.plan, whole=True)))
    assert order(strategy((LONGER,), length=400), made)[:2] == ["control-whole-seed1", "more-steps-factor-2-seed1"]


def test_what_cannot_be_made_longer_is_not_to_be_made_longer_still(make):
    four = replace(LONGER, changes=(("more-steps", {"factor": 4.0}),))
    made = [make("control-seed0", losses(2.3, 2.0), ended=Ended(how="finished"))]
    assert len(order(strategy((LONGER, four)), made)) == 2
    same = make("more-steps", losses(2.3, 2.0), changes=LONGER.changes, ended=Ended(how="finished", changed=False))
    assert order(strategy((LONGER, four)), [*made, same]) == []


def test_of_finer_changes_that_are_alike_the_first_is_the_best_and_the_search_ends(make):
    def finer(one, gains):
        rate = one.changes[0][1]["rate"]
        return [Candidate(changes=(("learning-rate", {"rate": 2 * rate}),), words="with twice", causes=one.causes)]

    plan = strategy((CANDIDATES[0],), finer)
    made = [make("control-seed0", losses(2.3, 2.3)), make("rate-seed0", losses(2.3, 0.5, seed=1), changes=RATE, turn=0)]
    for end in (0.2, 0.19):
        twice = next(one for one in plan._wanted(made) if one.words == "with twice")
        made.append(make(twice.name, losses(2.3, end, seed=2), changes=twice.changes, turn=twice.turn))
    assert [trial.plan.turn for trial in made[2:]] == [1000, 1001]
    assert "learning-rate-rate-0.2-seed1" in order(plan, made)  # and no draw of what is a little better
