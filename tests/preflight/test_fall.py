import math

import pytest

from unstuck.preflight.fall import Fall


def fall(*curve: float, least: float | None = 0.0, reachable: bool = True, start: float = 1.0) -> Fall:
    return Fall(curve=curve, start=start, least=least, reachable=reachable)


def settled(at: float, *, noise: float = 0.0) -> tuple[float, ...]:
    """From 1 to a level in ten steps, and thirty steps there."""
    down = [1.0 + (at - 1.0) * k / 10 for k in range(10)]
    return (*down, *(at + noise * (-1) ** k for k in range(30)))


@pytest.mark.parametrize(("at", "close"), [(0.03, True), (0.099, True), (0.101, False), (0.4, False)])
def test_what_is_left_after_it_stopped_falling_decides(at: float, close: bool) -> None:
    found = fall(*settled(at))
    assert not found.arrived
    assert found.close is close
    assert "stopped falling" in str(found)


def test_what_still_falls_is_close_once_it_has_halved() -> None:
    assert fall(*(0.99**k for k in range(100))).close  # at 0.37
    slow = fall(*(0.995**k for k in range(100)))  # at 0.61
    assert slow.still_falls
    assert not slow.close
    assert "falls still" in str(slow)


def test_noise_of_its_own_is_no_distance() -> None:
    assert not fall(*settled(0.105)).close
    assert fall(*settled(0.105, noise=0.01)).close


def test_the_floor_counts_from_where_it_lies() -> None:
    assert fall(*settled(0.54), least=0.5).close
    assert fall(*settled(0.505), least=0.5).arrived
    assert "0.5 is the least" in str(fall(*settled(0.54), least=0.5))


def test_zero_is_nothing_special_for_a_loss_that_begins_below_it() -> None:
    assert fall(-1.0, least=None, start=-1.0).bound == -math.inf
    assert fall(0.5, 0.005, least=None, start=0.5).arrived


def test_a_lucky_start_is_no_reason_to_ask_for_more() -> None:
    assert fall(0.1, 0.019).arrived
    assert not fall(0.1, 0.019, start=0.1).arrived


def test_a_fall_is_more_than_the_steps_move() -> None:
    assert fall(*settled(0.9)).fell
    assert not fall(*settled(0.9, noise=0.09)).fell
    assert not fall(1.0, math.nan).fell


def test_an_unknown_floor_is_said() -> None:
    assert "how far it can fall is not known" in str(fall(*settled(0.4), least=None))
    assert "not known" in str(fall(*settled(0.4), reachable=False))
    assert "half" in fall(1.0, reachable=False).expected
    assert "10%" in fall(1.0).expected


def test_a_level_is_none_where_the_loss_is_lost() -> None:
    assert fall(*settled(0.4)).late == pytest.approx(0.4)
    assert fall(1.0, 0.5, math.nan).late == math.inf
