import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.data.split import quantiles, split
from unstuck.errors import ArgumentError

strata = st.lists(st.integers(0, 4), min_size=1, max_size=200).map(np.array)
shares = st.floats(0.0, 0.45)


@given(strata, shares, shares, st.integers(0, 5))
def test_every_row_is_in_exactly_one_part(strata: np.ndarray, validation: float, test: float, seed: int) -> None:
    parts = split(strata, validation=validation, test=test, seed=seed)
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(rows) == list(range(len(strata)))


@given(strata, shares, shares, st.integers(0, 5))
def test_each_part_holds_its_share_of_each_class(strata: np.ndarray, validation: float, test: float, seed: int) -> None:
    parts = split(strata, validation=validation, test=test, seed=seed)
    assert abs(len(parts.test) - test * len(strata)) <= 1
    for stratum in np.unique(strata):
        members = (strata == stratum).sum()
        assert abs((strata[parts.test] == stratum).sum() - test * members) <= 1
        assert abs((strata[parts.validation] == stratum).sum() - validation * members) <= 2.5


def test_the_seed_decides() -> None:
    strata = np.arange(100) % 3
    first, again, other = (split(strata, validation=0.2, test=0.2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test, again.test)
    assert set(first.test) != set(other.test)
    assert list(first.train) != sorted(first.train)


@pytest.mark.parametrize(
    ("validation", "test"), [(1.0, 0.0), (-0.1, 0.0), (math.nan, 0.0), (0.0, 1.5), (0.5, 0.5), (0.6, 0.6)]
)
def test_impossible_shares_are_refused(validation: float, test: float) -> None:
    with pytest.raises(ArgumentError, match=r"validation=|test="):
        split(np.zeros(10, dtype=np.int64), validation=validation, test=test, seed=0)


def test_quantiles_are_tenths() -> None:
    targets = np.random.default_rng(0).normal(size=(200, 1))
    counts = np.bincount(quantiles(targets))
    assert counts.tolist() == [20] * 10
    assert targets[quantiles(targets) == 0].max() < targets[quantiles(targets) == 9].min()
