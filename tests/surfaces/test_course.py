from __future__ import annotations

import pytest

from unstuck.errors import ArgumentError
from unstuck.surfaces.course import COURSE, RECIPES, lesson
from unstuck.train import shipped

ASKED = {
    "valley", "slope", "burst", "warm-up", "momentum", "nesterov", "averages", "saddle", "decay", "step-size", "noise",
}  # fmt: skip


def test_the_course_is_complete():
    assert set(COURSE) >= ASKED
    assert not set(COURSE) & set(RECIPES)
    assert {recipe for recipe, _ in RECIPES.values()} <= set(shipped())


@pytest.mark.parametrize("name", COURSE)
def test_every_lesson_makes_a_sheet_that_says_how_to_change_it(name):
    sheet = lesson(name).sheet()
    assert sheet.title
    assert sheet.made_of
    assert sheet.command
    assert sheet.panels
    assert len(sheet.names) == len(sheet.remarks)


def test_an_unknown_lesson_is_refused_with_the_nearest():
    with pytest.raises(ArgumentError, match="did you mean 'momentum'"):
        lesson("momentun")
