"""A script of the zoo from its patch to the mark that its diagnosis gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.zoo.answers import Answer, Said, answer, ended, kept
from tests.zoo.cases import Case

SICK = Case("gradients-not-cleared/tutorial_loop.patch", "with-rules")
HEALTHY = Case("gradients-not-cleared/tutorial_loop.py", "with-rules")
RIGHT = Said("T101", "gradients-not-cleared", "error", 0.9)
WRONG = Said("O201", "lr-too-high", "warning", 0.6)
NOTE = Said("O201", "lr-too-high", "note", 0.6)


@pytest.mark.parametrize(
    ("case", "kind", "said", "mark"),
    [
        (SICK, "findings", (RIGHT, WRONG), "first"),
        (SICK, "findings", (WRONG, RIGHT), "in 3"),
        (SICK, "findings", (WRONG,), "MISS"),
        (SICK, "healthy", (), "GREEN"),
        (SICK, "not learnt", (), "MISS"),
        (HEALTHY, "findings", (WRONG,), "ALARM"),
        (HEALTHY, "not learnt", (), "ALARM"),
        (HEALTHY, "healthy", (NOTE,), "quiet"),
        (HEALTHY, "cannot be told", (), "quiet"),
    ],
)
def test_marks(case: Case, kind: str, said: tuple[Said, ...], mark: str) -> None:
    assert str(Answer(case, 0, kind, said)).startswith(mark)


@pytest.mark.slow
def test_a_patched_script_is_run_under_the_name_of_its_twin_and_judged(tmp_path: Path) -> None:
    assert not ended(SICK, 0, tmp_path)
    first = answer(SICK, 0, tmp_path, same=True)
    folder = kept(SICK, 0, tmp_path)
    assert ended(SICK, 0, tmp_path)
    assert first.said[0].code == "T101"
    assert first.right(1)
    assert "tutorial_loop.py:47" in "".join((folder / "ended").read_text().split()), "the line of the patched script"
    (folder / "tutorial_loop.py").unlink()
    assert answer(SICK, 0, tmp_path, same=True) == first
    assert not (folder / "tutorial_loop.py").exists(), "what is kept is judged again without running"
