import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.schedules.straight import base_of


@given(
    start=st.floats(0, 10),
    slope=st.floats(1e-6, 1e3),
    base=st.floats(0, 1e3),
)
def test_finds_the_base_of_any_line(start, slope, base):
    found = base_of(lambda b: start + slope * b, start + slope * base)
    assert found is not None
    assert math.isclose(start + slope * found, start + slope * base, rel_tol=1e-9, abs_tol=1e-9)


BASELESS = {
    "constant": lambda b: 0.9,
    "zero": lambda b: 0.0 * b,
    "square": lambda b: b * b,
    "reciprocal": lambda b: 1.0 / b,
    "logarithm": math.log,
    "rounding": lambda b: 0.1 + 1e-17 * b,
}


@pytest.mark.parametrize("at", BASELESS.values(), ids=BASELESS.keys())
def test_no_base_where_none_leads_there(at):
    assert base_of(at, 0.25) is None


def test_a_line_that_passes_through_a_value_only_at_infinity():
    assert base_of(lambda b: 5e-324 * b, 1.0) is None
