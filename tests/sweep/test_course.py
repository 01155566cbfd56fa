from __future__ import annotations

from math import log10

import pytest

from tests.sweep.formula import SMALL, formula, outcome
from unstuck.sweep import Plan, read_space
from unstuck.sweep.course import coarse_to_fine, expected, groups, wanted


def run(space, plan=None, judge=formula):
    """Make every try that the course wants, in the rounds in which it wants them."""
    known, rounds = {}, []
    while batch := wanted(coarse_to_fine(space, plan or Plan()), known):
        rounds.append(batch)
        known |= {attempt.key: judge(attempt) for attempt in batch}
    return known, rounds


def test_first_the_order_of_magnitude_then_the_fine_value_then_further_seeds(space):
    known, rounds = run(space)
    assert [batch[0].stage for batch in rounds] == ["coarse", "fine", "seeds"]
    assert rounds[0][0].setting == space.stands
    assert {attempt.setting["optimizer.lr"] for attempt in rounds[1]} == {0.01, 0.001, 0.0022, 0.0046, 0.022, 0.046}
    assert {attempt.share for attempt in rounds[0]} == {1 / 3}
    assert all(attempt.whole for batch in rounds[1:] for attempt in batch)
    assert rounds[2][0].setting == {"optimizer.lr": 0.022, "optimizer.weight_decay": 0}
    assert {attempt.seed for attempt in rounds[2]} == {1, 2}
    assert len(known) <= expected(space, Plan())


def test_no_try_is_wanted_twice_and_the_course_needs_no_memory(space):
    known, rounds = run(space)
    keys = [attempt.key for batch in rounds for attempt in batch]
    assert len(keys) == len(set(keys))
    half = dict(list(known.items())[: len(known) // 2])
    missing = wanted(coarse_to_fine(space, Plan()), half)
    assert {attempt.key for attempt in missing} <= set(keys) - set(half)


def test_patience_grows_as_it_counts_more(space):
    _, rounds = run(space)
    assert [batch[0].patience for batch in rounds] == [10, 20, 30]


def test_what_was_there_is_put_back_where_nothing_is_better():
    space = read_space("mlp", over=["init.weights=he, torch", "optimizer.lr=1e-3, 1e-2"], overrides=SMALL)
    stands = space.stands["init.weights"]
    _, rounds = run(space, judge=lambda attempt: outcome(0.9 if attempt.setting["init.weights"] == stands else 0.5))
    assert all(attempt.setting["init.weights"] == stands for attempt in rounds[1])


def test_keys_are_gone_through_in_their_order_each_with_the_best_before_it():
    over = ["optimizer.lr=1e-3..1", "model.hidden=[8], [16]"]
    _, rounds = run(read_space("mlp", over=over, overrides=SMALL))
    assert [len({str(attempt.setting["model.hidden"]) for attempt in batch}) for batch in rounds[:3]] == [1, 1, 1]
    assert {attempt.setting["optimizer.lr"] for attempt in rounds[2]} == {0.022}


def test_an_open_range_is_followed_for_as_long_as_the_best_lies_at_its_end():
    space = read_space("mlp", over=["optimizer.lr"], overrides=SMALL)
    known, rounds = run(
        space, judge=lambda attempt: outcome(0.9 - 0.01 * abs(log10(attempt.setting["optimizer.lr"]) + 5))
    )
    tried = {attempt.setting["optimizer.lr"] for batch in rounds for attempt in batch}
    assert (min(tried), max(tried)) == (1e-6, 0.1)
    assert rounds[-1][0].setting == {"optimizer.lr": 1e-5}
    assert len(known) < 25


def test_a_decay_that_only_harms_is_followed_down_and_none_is_chosen():
    space = read_space("mlp", over=["optimizer.weight_decay"], overrides=SMALL)
    _, rounds = run(space)
    tried = [attempt.setting["optimizer.weight_decay"] for batch in rounds for attempt in batch]
    assert tried[0] == 0.0
    assert 1e-3 in tried
    assert rounds[-1][0].setting == {"optimizer.weight_decay": 0.0}


def test_after_quick_tries_the_best_are_tried_on_all_data(space):
    space = read_space("mlp", over=["optimizer.lr=1e-3..10", "init.weights=he, torch"], overrides=SMALL, quick=True)
    _, rounds = run(space)
    assert [batch[0].quick for batch in rounds] == [True, False, True, False, False]
    assert all(attempt.quick == (batch[0].stage == "coarse") for batch in rounds for attempt in batch)


def test_where_everything_is_stopped_nothing_more_is_tried(space):
    _, rounds = run(space, judge=lambda attempt: outcome(reason="pruned"))
    assert len(rounds) == 1


def test_batch_sizes_are_chosen_by_the_time_to_a_good_accuracy():
    space = read_space("mlp", over=["train.batch_size=8, 32"], overrides=SMALL)

    def judge(attempt):
        size = attempt.setting["train.batch_size"]
        return (
            outcome(0.95, curve=((100.0 / size, 0.95, 0.3),))
            if size != 8
            else outcome(0.951, curve=((50.0, 0.951, 0.3),))
        )

    _, rounds = run(space, judge=judge)
    assert rounds[-1][0].setting == {"train.batch_size": 64}


@pytest.mark.parametrize(("together", "sizes"), [(64, [2, 1]), (8, [1, 1, 1])])
def test_ranges_side_by_side_are_a_grid_that_is_not_too_large(together, sizes):
    over = ["optimizer.lr=1e-3..10", "optimizer.weight_decay=0, 1e-3..1e-1", "train.batch_size=8..512"]
    space = read_space("mlp", over=over, overrides=SMALL)
    assert [len(group) for group in groups(space.axes, together)] == sizes


def test_no_more_is_tried_than_is_allowed(space):
    known, rounds = run(space, Plan(tries=10, seeds=1))
    assert len(known) == 10
    assert rounds
