"""Sampling covers the training and keeps to its budget."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unstuck.errors import ArgumentError
from unstuck.observe.sampling import DENSE, DENSE_SECONDS, LONGEST, Sampler


def simulate(steps: int, step_seconds: float, sample_seconds: float, budget: float) -> tuple[list[int], float, float]:
    """Sampled steps, seconds spent, and seconds in all."""
    sampler = Sampler(budget=budget)
    sampled, spent, elapsed = [], 0.0, 0.0
    sampling = True
    for step in range(steps):
        elapsed += step_seconds
        if sampling:
            sampled.append(step)
            spent += sample_seconds
            elapsed += sample_seconds
        sampling = sampler.due(step + 1, elapsed=elapsed, spent=spent)
    return sampled, spent, elapsed


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
    sampler = Sampler(budget=budget)
    sampled, spent, elapsed = [], 0.0, 0.0
    sampling, rest = True, (0, 0.0)
    for step in range(steps):
        elapsed += step_seconds
        if sampling:
            sampled.append(step)
            spent += sample_seconds
            elapsed += sample_seconds
        elif step + 1 < rest[0] and elapsed < rest[1]:
            continue
        sampling = sampler.due(step + 1, elapsed=elapsed, spent=spent)
        rest = (0, 0.0) if sampling else sampler.rest(step + 1, spent=spent)
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
    assert len(sampled) <= 12


def test_a_long_training_uses_its_budget():
    _, spent, elapsed = simulate(50_000, 3e-3, 1e-3, 0.02)
    assert 0.01 * elapsed < spent < 0.025 * elapsed


@pytest.mark.parametrize("budget", [0.0, -1.0, 1.5, float("nan")])
def test_an_impossible_budget_is_refused(budget):
    with pytest.raises(ArgumentError, match="budget"):
        Sampler(budget=budget)
