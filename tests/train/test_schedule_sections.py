from typing import Any

import pytest

from unstuck.errors import RecipeError
from unstuck.train import Recipe
from unstuck.train.schedule_sections import MomentumSection, ScheduleSection


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "liner"}, r"momentum.name='liner' is not known; did you mean 'linear'"),
        ({"name": "linear", "stair": 3}, r"momentum.stair=3: 'linear' has none; it takes total_steps, start, end"),
        ({"start": 0.5}, r"momentum.start=0.5: 'fixed' has none; it takes no constants; give a name"),
        ({"name": "linear", "end": 1.0}, r"momentum.end=1.0: a number below 1"),
        ({"name": "sutskever", "stairs": 3}, r"momentum.stairs=3: no such key; did you mean 'momentum.stair'"),
    ],
)
def test_a_section_of_momentum_says_what_is_wrong(table: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.of({"momentum": table})


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (ScheduleSection(warmup=80), {"warmup": 8}),
        (ScheduleSection(name="cosine", warmup=3), {"warmup": 1}),
        (ScheduleSection(name="step", step_size=30), {"step_size": 30}),  # epochs stay
        (ScheduleSection(name="step", step_size=30, unit="step"), {"step_size": 3}),
        (ScheduleSection(name="plateau", warmup_steps=30), {"warmup_steps": 30}),
        (ScheduleSection(name="inverse-square-root", warmup_steps=150), {"warmup_steps": 15}),
        (ScheduleSection(name="inverse-square-root", warmup_steps=150, unit="epoch"), {"warmup_steps": 150}),
        (MomentumSection(name="sutskever", stair=250), {"stair": 25}),
        (MomentumSection(name="linear", total_steps=20, unit="epoch"), {"total_steps": 20}),
    ],
    ids=str,
)
def test_what_counts_steps_is_shortened_with_them(section: Any, expected: dict[str, int]) -> None:
    short = section.shortened(0.1)
    assert {key: getattr(short, key) for key in expected} == expected
    assert section.shortened(1.0) == section


def test_nothing_changes_by_default() -> None:
    assert not ScheduleSection().on
    assert not MomentumSection().on
    assert ScheduleSection(warmup=1).on
    assert MomentumSection(name="linear").on
