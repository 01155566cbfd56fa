"""The late mean of a loss, compared with explicit weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unstuck.observe.collectors.late_loss import LateProbe


def taken(values: list[float]) -> LateProbe:
    probe = LateProbe()
    for value in values:
        probe.take(torch.tensor(value))
    return probe


def test_the_nth_call_weighs_as_n_cubed() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found = taken(values.tolist()).summary()
    assert found is not None
    assert found.value == pytest.approx(np.average(values, weights=np.arange(1.0, 401.0) ** 3), abs=0.005)
    assert found.samples == pytest.approx(7 / 16 * 400, rel=0.03)


def test_its_error_is_that_of_a_mean() -> None:
    generator = np.random.default_rng(1)
    means = [taken(generator.normal(size=60).tolist()).summary() for _ in range(200)]
    scatter = np.std([found.value for found in means if found])
    assert scatter == pytest.approx(np.mean([found.error for found in means if found]), rel=0.15)


def test_what_is_not_finite_is_left_out() -> None:
    known, broken = taken([1.0] * 9).summary(), taken([1.0] * 9 + [math.nan, math.inf]).summary()
    assert known is not None
    assert broken is not None
    assert broken.value == 1.0
    assert taken([math.nan]).summary() is None
    assert LateProbe().summary() is None


def test_one_call_has_no_error() -> None:
    found = taken([2.0]).summary()
    assert found is not None
    assert math.isinf(found.error)
