"""Whether a comprehension has left nothing of a dictionary, by the text of the user's code and its variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.observe.user_code.chosen_entries import none_chosen

CHOSEN = "state = {k: v for k, v in state.items() if k in own}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHOSEN + "net.load_state_dict(state, strict=False)", True),
        (CHOSEN + "own.update(state)\nnet.load_state_dict(own)", True),
        (CHOSEN + "own |= state\nnet.load_state_dict(own)", True),
        (CHOSEN + "net.load_state_dict(own | state)", True),
        (CHOSEN + "net.load_state_dict({**own, **state})", True),
        (CHOSEN + "merged = dict(own)\nmerged.update(state)\nnet.load_state_dict(\n    merged,\n)", True),
        (CHOSEN + "def load():\n    net.load_state_dict(own)\nload()", False),
        (CHOSEN + "net.load_state_dict(own)", False),
        (CHOSEN + "own.update(state)\nnet.restore(own)", False),
        ("state = {}\n" + CHOSEN + "net.load_state_dict(state, strict=False)", False),
        ("state = read() if there else {}\n" + CHOSEN + "net.load_state_dict(state, strict=False)", False),
        ("state = {k: v for k, v in nothing.items() if k in own}\nnet.load_state_dict(state)", False),
        ("state = {k: v for k, v in own.items()}\nnet.load_state_dict(state)", False),
        ("%magic\n" + CHOSEN + "net.load_state_dict(state)", False),
    ],
)
def test_what_goes_into_the_call_was_chosen_and_is_empty(tmp_path: Path, text: str, expected: bool) -> None:
    file = tmp_path / "script.py"
    file.write_text(text)
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "net." in one)
    variables = {"state": {}, "own": {"weight": 1}, "merged": {"weight": 1}, "nothing": {}}
    assert none_chosen(str(file), line, "load_state_dict", variables) is expected


def test_what_is_left_was_chosen(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(CHOSEN + "net.load_state_dict(state, strict=False)")
    assert not none_chosen(str(file), 2, "load_state_dict", {"state": {"weight": 1}})
    assert not none_chosen(str(file), 2, "load_state_dict", {})
