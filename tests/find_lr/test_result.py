from dataclasses import replace

import pytest

from tests.find_lr.bowls import Bowl
from unstuck.find_lr.search import Effort, search

FOUND = search(Bowl(), Effort())


def test_methods_in_the_band_agree_by_a_factor_of_one() -> None:
    low, high = FOUND.band or (0.0, 0.0)
    inside = replace(
        FOUND,
        course=replace(FOUND.course, threshold=2.0 * (low * high) ** 0.5),
        range_test=replace(FOUND.range_test, lowest=3.0 * low),
    )
    assert inside.factor == pytest.approx(1.0)
    assert inside.agree


@pytest.mark.parametrize(("times", "agree"), [(3.9, True), (4.1, False)])
def test_four_times_outside_of_the_band_is_the_bound(times: float, agree: bool) -> None:
    low, high = FOUND.band or (0.0, 0.0)
    inside = replace(FOUND, range_test=replace(FOUND.range_test, lowest=3.0 * low))
    above = replace(inside, course=replace(FOUND.course, threshold=2.0 * times * high))
    below = replace(inside, course=replace(FOUND.course, threshold=2.0 * low / times))
    assert above.factor == pytest.approx(times)
    assert (above.agree, below.agree) == (agree, agree)


def test_a_method_without_a_rate_agrees_with_none_that_has_one() -> None:
    assert not replace(FOUND, course=replace(FOUND.course, threshold=None)).agree


def test_what_is_no_number_is_none_in_json() -> None:
    tries = replace(FOUND.course.tries[0], last=float("inf"))
    said = replace(FOUND, course=replace(FOUND.course, tries=(tries,))).to_dict()
    assert said["course"]["tries"][0]["last"] is None
