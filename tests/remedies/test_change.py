from __future__ import annotations

import copy
import pickle

import pytest

from unstuck.errors import ArgumentError
from unstuck.remedies import Change

LOWER = Change(remedy="learning-rate", settings={"rate": 0.01, "held": True})


def test_it_reaches_another_process() -> None:
    assert Change.from_json(LOWER.to_json()) == pickle.loads(pickle.dumps(LOWER)) == copy.deepcopy(LOWER) == LOWER


def test_equal_changes_are_one_key() -> None:
    assert {LOWER: 1, Change(remedy="learning-rate", settings={"held": True, "rate": 0.01}): 2} == {LOWER: 2}


def test_it_cannot_be_changed() -> None:
    settings = {"rate": 0.01}
    change = Change(remedy="learning-rate", settings=settings)
    settings["rate"] = 1.0
    assert change.number("rate") == 0.01
    with pytest.raises(TypeError):
        change.settings["rate"] = 1.0  # type: ignore[index]


def test_settings_are_plain_values() -> None:
    with pytest.raises(ArgumentError, match=r"settings\['rates'\]=\[1.0\]"):
        Change(remedy="learning-rate", settings={"rates": [1.0]})  # type: ignore[dict-item]
    assert Change(remedy="other", settings={"word": "a"}).number("word") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"remedy": "x"}', '{"remedy": "x", "settings": 3}'])
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="is not what Change"):
        Change.from_json(text)
