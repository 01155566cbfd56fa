from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.record.numbers import number, percent, share


@given(st.floats(-1e300, 1e300))
def test_a_number_keeps_its_first_digits(value: float) -> None:
    text = number(value)
    assert len(text) <= 10
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.006)


def test_numbers_that_are_none() -> None:
    assert [number(v) for v in (math.nan, math.inf, -math.inf)] == ["NaN", "infinity", "-infinity"]
    assert [percent(math.nan), share(math.inf)] == ["NaN", "infinity"]


@given(st.floats(0.0, 1.0))
def test_only_all_is_called_all(value: float) -> None:
    if percent(value) == "100%":
        assert value == 1.0
    assert abs(float(percent(value).rstrip("%")) - 100 * value) <= 0.5
