"""What watching may cost, and has cost, over all trainings of a program."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import pytest

from unstuck.errors import ArgumentError
from unstuck.observe.budget import (
    ADMITTED,
    ADMITTED_SECONDS,
    EVALUATION_SECONDS,
    RECOGNISING_SECONDS,
    WORTHWHILE_SECONDS,
    Budget,
    Spending,
    check_budget,
)


@dataclass
class Spent:
    """Counts its own seconds."""

    spent: float = 0.0


def spending(budget: Budget) -> tuple[Spending, Spent, Spent]:
    forward, evaluation = Spent(), Spent()
    return Spending(budget, forward, evaluation), forward, evaluation


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan"), float("inf")])
def test_an_impossible_budget_is_refused(share: float) -> None:
    with pytest.raises(ArgumentError, match="budget"):
        Budget(share)
    with pytest.raises(ArgumentError, match=r"above 0 and at most 1"):
        check_budget(share)


@pytest.mark.parametrize("share", [1e-6, 0.02, 1.0])
def test_a_share_is_accepted(share: float) -> None:
    assert Budget(share).share == share


def test_time_is_counted_from_the_first_training() -> None:
    budget = Budget()
    assert budget.elapsed(5.0) == 0.0
    budget.begin(3.0)
    budget.begin(4.0)
    assert budget.elapsed(5.0) == 2.0


def test_a_program_of_two_minutes_and_more_pays_its_share_and_a_short_one_more_of_it() -> None:
    budget = Budget(0.02)
    for seconds in (WORTHWHILE_SECONDS, 1e3, 1e5):
        assert budget.allowed(seconds) == pytest.approx(0.02 * seconds)
    shares = [budget.allowed(seconds) / seconds for seconds in (1.0, 5.0, 30.0, 119.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[1] == pytest.approx(0.1, rel=0.05)
    assert shares[2] == pytest.approx(0.04, rel=0.05)


def test_recognising_and_evaluations_are_granted_a_little_once() -> None:
    budget = Budget()
    budget.spent = 10.0
    budget.recognising, budget.evaluating = 0.03, 0.05
    assert budget.on_samples == pytest.approx(9.92)
    budget.recognising, budget.evaluating = 5.0, 5.0
    assert budget.on_samples == pytest.approx(10.0 - RECOGNISING_SECONDS - EVALUATION_SECONDS)
    budget.granted = 1.0
    assert budget.beside_start == pytest.approx(9.0 - RECOGNISING_SECONDS - EVALUATION_SECONDS)


def test_what_is_spent_is_taken_once() -> None:
    budget = Budget()
    own, forward, evaluation = spending(budget)
    own.between, forward.spent, evaluation.spent = 1.0, 2.0, 0.5
    own.settle()
    own.settle()
    assert (own.whole, budget.spent, budget.evaluating) == (3.5, 3.5, 0.5)
    own.between += 1.0
    own.evaluating += 0.25
    own.settle()
    assert (budget.spent, budget.evaluating) == (4.5, 0.75)


def test_trainings_draw_from_one_budget() -> None:
    budget = Budget()
    made = [spending(budget) for _ in range(5)]
    for number, (own, forward, _) in enumerate(made):
        own.between, forward.spent = 1.0, float(number)
        own.settle()
    assert budget.spent == 5.0 + sum(range(5))
    made[0][0].recognised(2.0)
    assert made[1][0].recognising == 0.0
    assert budget.recognising == 2.0


def test_what_one_training_has_spent_delays_another() -> None:
    budget = Budget(0.02)
    (first, _, _), (second, _, _) = spending(budget), spending(budget)
    for _ in range(ADMITTED):
        budget.begin(first.began)
    first.recognised(1.0)
    assert first.recognises_from - first.began == pytest.approx((1.0 - RECOGNISING_SECONDS) / 0.01)
    assert budget.admits(first.began)
    budget.begin(first.began)
    second.recognised(1.0)
    assert second.recognises_from - first.began == pytest.approx((2.0 - RECOGNISING_SECONDS) / 0.01)
    now = first.began + 100.0
    assert second.may_evaluate(now)
    budget.evaluating = 0.5 * budget.allowed(100.0) + EVALUATION_SECONDS + 1e-6
    assert not first.may_evaluate(now)
    assert not second.may_evaluate(now)
    assert second.may_evaluate(now + 1.0)


@pytest.mark.parametrize("cost", [0.001, 0.01, 0.02])
@pytest.mark.parametrize("count", [12, 100, 1_000])
def test_the_last_evaluation_that_is_seen_lies_near_the_end_and_the_first_ones_are_seen_too(
    count: int, cost: float
) -> None:
    budget = Budget(0.02)
    own, _, _ = spending(budget)
    budget.begin(own.began)
    seen: list[int] = []
    for number in range(1, count + 1):
        now = own.began + 0.05 * number
        if own.may_evaluate(now):
            own.evaluates(now)
            budget.evaluating += cost
            seen.append(number)
    assert seen[:2] == [1, 2]
    assert seen[-1] >= count / 1.3
    assert len(seen) == count or budget.evaluating < 0.2 + 0.5 * budget.allowed(0.05 * count)


def test_when_the_training_is_over_evaluations_wait_for_nothing() -> None:
    own, _, _ = spending(budget := Budget(0.02))
    budget.begin(own.began)
    budget.evaluating = 0.16
    own.evaluates(own.began + 10.0)
    assert not own.may_evaluate(own.began + 11.0)
    own.over = True
    assert own.may_evaluate(own.began + 11.0)


def test_the_first_trainings_are_watched_whatever_it_costs_and_later_ones_as_time_passes() -> None:
    budget = Budget(0.02)
    for number in range(ADMITTED):
        assert budget.admits(0.1 * number)
        budget.begin(0.1 * number)
        budget.spent += 0.125
    now = 0.1 * ADMITTED
    granted = 8 * 0.125 - ADMITTED_SECONDS
    assert budget.admits(now) is (granted <= budget.allowed(now))
    assert budget.many
    watched = []
    for number in range(200):
        now += 0.1
        if budget.admits(now):
            watched.append(number)
            budget.begin(now)
            budget.spent += 0.125
    gaps = [after - before for before, after in pairwise(watched)]
    assert len(watched) > 4
    assert max(gaps) <= 3 * (200 // len(watched))  # the later ones as well as the early ones
    assert watched[-1] > 150


def test_what_the_first_trainings_took_is_granted_once() -> None:
    budget = Budget(0.02)
    for _ in range(ADMITTED):
        budget.begin(0.0)
    budget.spent = 10.0
    assert not budget.admits(1.0)
    assert budget.beside_start == pytest.approx(10.0 - ADMITTED_SECONDS)
    budget.spent = 20.0
    assert not budget.admits(2.0)
    assert budget.beside_start == pytest.approx(20.0 - ADMITTED_SECONDS)


def test_the_cost_is_a_fact() -> None:
    own, forward, _ = spending(Budget())
    own.between, forward.spent = 0.25, 0.5
    own.began = time.perf_counter() - 10.0
    cost = own.cost(samples=3, steps=40)
    assert (cost.seconds, cost.sampled_steps, cost.steps) == (0.75, 3, 40)
    assert cost.training_seconds == pytest.approx(10.0, abs=1.0)
