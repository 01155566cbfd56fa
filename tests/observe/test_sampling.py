"""Sampling covers the training and keeps to its budget."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from unstuck.observe.budget import Budget
from unstuck.observe.sampling import DENSE, DENSE_SECONDS, LONGEST, Sampler, agreed


def simulate(steps: int, step_seconds: float, sample_seconds: float, budget: float) -> tuple[list[int], float, float]:
    """Sampled steps, seconds spent, and seconds in all."""
    sampler = Sampler(Budget(budget))
    sampled, elapsed = [], 0.0
    sampling = True
    for step in range(steps):
        elapsed += step_seconds
        if sampling:
            sampled.append(step)
            sampler.budget.spent += sample_seconds
            elapsed += sample_seconds
        sampling = sampler.due(step + 1, elapsed=elapsed)
    return sampled, sampler.budget.spent, elapsed


@settings(max_examples=50, deadline=None)
@given(
    step_seconds=st.floats(1e-4, 0.1),
    sample_seconds=st.floats(1e-5, 0.05),
    budget=st.floats(0.005, 0.5),
    steps=st.integers(20, 3_000),
)
def test_the_budget_holds(step_seconds, sample_seconds, budget, steps):
    _, spent, elapsed = simulate(steps, step_seconds, sample_seconds, budget)
    dense = max(2 * sample_seconds, min(DENSE * sample_seconds, DENSE_SECONDS + sample_seconds))
    overdue = (2 + math.log(steps / DENSE) / math.log(LONGEST)) * sample_seconds
    assert spent <= budget * (elapsed * max(elapsed, 120.0)) ** 0.5 + dense + overdue


@settings(max_examples=50, deadline=None)
@given(
    step_seconds=st.floats(1e-4, 0.1),
    sample_seconds=st.floats(1e-5, 0.05),
    budget=st.floats(0.005, 0.5),
    steps=st.integers(20, 2_000),
)
def test_a_rest_leaves_no_sample_out(step_seconds, sample_seconds, budget, steps):
    """Asked only where a rest ends, the sampler samples the same steps as asked each time."""
    sampler = Sampler(Budget(budget))
    sampled, elapsed = [], 0.0
    sampling, rest = True, (0, 0.0)
    for step in range(steps):
        elapsed += step_seconds
        if sampling:
            sampled.append(step)
            sampler.budget.spent += sample_seconds
            elapsed += sample_seconds
        elif step + 1 < rest[0] and elapsed < rest[1]:
            continue
        sampling = sampler.due(step + 1, elapsed=elapsed)
        rest = (0, 0.0) if sampling else sampler.rest(step + 1)
    assert sampled == simulate(steps, step_seconds, sample_seconds, budget)[0]


def test_a_short_training_is_covered_to_its_end():
    sampled, _, _ = simulate(500, 3e-3, 1e-3, 0.02)
    assert sampled[:DENSE] == list(range(DENSE))
    assert len(sampled) >= 40
    assert max(b - a for a, b in itertools.pairwise(sampled)) <= 60


def test_a_slow_machine_reaches_the_end():
    """Samples of 50 ms in a training of 40 s: what is allowed must not be gone in the first seconds."""
    sampled, _, _ = simulate(551, 0.08, 0.05, 0.02)
    assert len(sampled) >= 30
    assert sampled[-1] > 450


def test_no_training_goes_unseen_at_its_end_however_dear_a_sample_is():
    sampled, _, _ = simulate(600, 2e-3, 1.0, 0.005)
    assert sampled[-1] >= 600 / 1.5 - 1
    assert len(sampled) <= 18


def test_a_long_training_uses_its_budget():
    _, spent, elapsed = simulate(50_000, 3e-3, 1e-3, 0.02)
    assert 0.01 * elapsed < spent < 0.025 * elapsed


def trainings(count: int, steps: int, *, step_seconds: float, sample_seconds: float, budget: Budget) -> list[int]:
    """Samples of each of several trainings that take turns, by one budget."""
    samplers = [Sampler(budget) for _ in range(count)]
    sampling, samples, elapsed = [True] * count, [0] * count, 0.0
    for step in range(steps):
        for i, sampler in enumerate(samplers):
            elapsed += step_seconds
            if sampling[i]:
                samples[i] += 1
                budget.spent += sample_seconds
                elapsed += sample_seconds
            sampling[i] = sampler.due(step + 1, elapsed=elapsed)
    assert elapsed > 0.0
    return samples


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 12), steps=st.integers(50, 600), sample_seconds=st.floats(1e-4, 0.02))
def test_many_trainings_share_one_budget(count, steps, sample_seconds):
    budget = Budget(0.02)
    samples = trainings(count, steps, step_seconds=2e-3, sample_seconds=sample_seconds, budget=budget)
    elapsed = count * steps * 2e-3 + budget.spent
    start = min(count * DENSE * sample_seconds, DENSE_SECONDS + count * sample_seconds)
    overdue = count * (2 + math.log(steps / DENSE) / math.log(LONGEST)) * sample_seconds
    assert budget.spent <= budget.allowed(elapsed) + count * 2 * sample_seconds + start + overdue
    assert min(samples) >= 3, "none of them goes unseen"


def test_the_first_steps_are_granted_to_the_first_training_only():
    """Of trainings one after another, such as the folds of a cross-validation."""
    budget, elapsed, samples = Budget(0.001), 0.0, []
    for _ in range(8):
        sampler, sampled = Sampler(budget), [0]
        for step in range(1, 300):
            elapsed += 1e-3
            if sampled[-1] == step - 1:
                budget.spent += 5e-3
                elapsed += 5e-3
            if sampler.due(step, elapsed=elapsed):
                sampled.append(step)
        samples.append(sampled)
    assert samples[0][:DENSE] == list(range(DENSE))
    assert all(len(sampled) < DENSE for sampled in samples[1:])
    assert all(sampled[:2] == [0, 1] and sampled[-1] >= 300 / LONGEST - 1 for sampled in samples)


def test_together_only_steps_are_sampled_that_all_processes_agree_on():
    sampler = Sampler(Budget(0.5))
    sampler.together = True
    sampled = [step for step in range(1, 400) if sampler.due(step, elapsed=step * 0.1)]
    assert sampled == [step for step in range(1, 400) if agreed(step)]
    assert sampler.rest(sampled[-1] + 1) == (sampled[-1] + 1, 0.0), "it never rests"


def test_asking_what_is_expected_decides_nothing():
    asked, plain = Sampler(Budget(0.02)), Sampler(Budget(0.02))
    for step in range(1, 200):
        expected = asked.expected(step, elapsed=step * 1e-3)
        assert asked.expected(step, elapsed=step * 1e-3) == expected
        assert asked.due(step, elapsed=step * 1e-3) == plain.due(step, elapsed=step * 1e-3)
        for sampler in (asked, plain):
            sampler.budget.spent += 1e-3 * expected
