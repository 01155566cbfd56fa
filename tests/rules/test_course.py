from pathlib import Path

import pytest

from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import End, Span
from unstuck.rules.course import at_once, ended, endings

Times = list[tuple[float, float]]


def trained(folder: Path, spans: Times, *, unspanned: int = 0) -> Run:
    with RunWriter(folder) as writer:
        for stream in range(len(spans) + unspanned):
            writer.add(signals.LOSS, 0, 1.0, stream=stream)
        for stream, (began, end) in enumerate(spans):
            writer.state(Span(began=began, ended=end, thread=1), stream=stream)
    return Run.open(folder)


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([(0.0, 5.0)], 1),
        ([(0.0, 5.0), (5.0, 9.0), (9.5, 12.0)], 1),
        ([(0.0, 5.0), (0.1, 5.0)], 2),
        ([(0.0, 5.0), (1.0, 4.0), (6.0, 7.0)], 2),
        ([(6.0, 7.0), (0.0, 5.0)], 1),
        ([(2.0, 2.0)], 1),
    ],
)
def test_trainings_at_once(spans: Times, most: int, tmp_path: Path) -> None:
    with trained(tmp_path, spans) as run:
        assert at_once(run.streams()) == most


def test_order_is_not_known_where_one_training_states_no_span(tmp_path: Path) -> None:
    with trained(tmp_path, [(0.0, 5.0)], unspanned=1) as run:
        assert at_once(run.streams()) is None


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ([End(reason="diverged", steps=9, backward_passes=9)], "diverged"),
        (
            [End(reason="completed", steps=9, backward_passes=1000, unrecorded=900)],
            "completed, but 900 of 1,000 backward passes were not recorded",
        ),
        (
            [End(reason="crashed", steps=9, backward_passes=3, unrecorded=1)],
            "crashed; 1 of 3 backward passes were not recorded",
        ),
        (
            [End(reason="completed", steps=9, backward_passes=n, unrecorded=1) for n in (10, 20)],
            "completed, but 2 of 30 backward passes were not recorded",
        ),
        ([End(reason="completed", steps=9, unrecorded=1)], "completed, but 1 backward pass was not recorded"),
    ],
)
def test_an_end_says_what_was_not_recorded(ends: list[End], words: str) -> None:
    assert ended(ends) == words


def test_endings_are_counted(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream, unrecorded in enumerate((0, 0, 5, 7)):
            end = End(reason="completed", steps=9, backward_passes=10, unrecorded=unrecorded)
            writer.state(end, stream=stream)
        writer.add(signals.LOSS, 0, 1.0, stream=4)
    with Run.open(tmp_path) as run:
        counted = endings(run.streams())
    assert counted == {"completed": 2, "completed, but 12 of 20 backward passes were not recorded": 2}
