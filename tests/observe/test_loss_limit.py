"""Losses that are looked at, and no more of them than is paid for."""

from __future__ import annotations

import math

from unstuck.observe.loss_limit import MOST_CROSSED, LossLimit


def known() -> LossLimit:
    limit = LossLimit()
    limit.renew([1.0] * 64)
    return limit


def test_nothing_crosses_what_is_not_known() -> None:
    assert not LossLimit().crosses(1e30)


def test_a_loss_above_the_usual_crosses_and_lifts_the_limit() -> None:
    limit = known()
    assert not limit.crosses(2.9)
    assert limit.crosses(50.0)
    assert not limit.crosses(49.0)
    assert limit.crosses(51.0)


def test_the_limit_comes_back_with_the_losses() -> None:
    limit = known()
    limit.crosses(50.0)
    limit.renew([50.0, *[1.0] * 63])
    assert limit.crosses(4.0)


def test_what_is_not_a_number_does_not_cross() -> None:
    assert not known().crosses(math.nan)


def test_after_some_the_others_are_spared() -> None:
    limit = known()
    assert all(limit.crosses(10.0 * 2.0**power) for power in range(MOST_CROSSED))
    limit.renew([1.0] * 128)
    assert limit.value == math.inf
