"""Functions that keep something beside what they return are told from those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from unstuck.observe.autograd.side_effects import has_side_effects

COUNTS = {"calls": 0}
NUMBER = 0
LOG: list[Any] = []


class Kept:
    calls = 0


def keeps_a_number(x: Any) -> Any:
    global NUMBER
    NUMBER += 1
    return x


def keeps_a_count(x: Any) -> Any:
    COUNTS["calls"] += 1
    return x


def keeps_an_attribute(x: Any) -> Any:
    Kept.calls += 1
    return x


def keeps_it_all(x: Any) -> Any:
    LOG.append(x)
    return x


def saves_for_its_backward_pass(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    ctx.scale = 2.0
    return x * ctx.scale


def writes_into_its_result(ctx: Any, x: Any) -> Any:
    result = x.clone()
    result[x < 0] = 0
    return result


@pytest.mark.parametrize("function", [keeps_a_number, keeps_a_count, keeps_an_attribute, keeps_it_all])
def test_what_outlives_a_call_is_seen(function: Any) -> None:
    assert has_side_effects(function)


@pytest.mark.parametrize("function", [saves_for_its_backward_pass, writes_into_its_result, lambda x: -x])
def test_what_belongs_to_the_call_is_no_side_effect(function: Any) -> None:
    assert not has_side_effects(function)


def test_a_list_of_an_outer_function() -> None:
    count = [0]

    def counted(x: Any) -> Any:
        count[0] += 1
        return x

    assert has_side_effects(counted)


def test_a_variable_of_an_outer_function() -> None:
    count = 0

    def counted(x: Any) -> Any:
        nonlocal count
        count += 1
        return x

    assert has_side_effects(counted)
