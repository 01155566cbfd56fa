from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import pytest

from unstuck.observe.latest import Latest, median


def test_the_median_of_what_is_finite() -> None:
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert median([math.nan, 5.0, math.inf, -math.inf]) == 5.0
    assert median([1.0, 2.0]) in (1.0, 2.0)
    assert median([]) is None
    assert median([math.nan]) is None


def test_nothing_is_known_at_first_and_nobody_can_change_it() -> None:
    latest = Latest()
    assert (latest.step, latest.loss, latest.accuracy, latest.learning_rate, latest.update_ratio) == (0, *[None] * 4)
    with pytest.raises(FrozenInstanceError):
        latest.step = 1  # pyright: ignore[reportAttributeAccessIssue]
