from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.learning.stages import goes_on
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Optimizer, Span


@pytest.mark.parametrize(
    ("after", "began", "expected"),
    [((3,), 5.0, [True, False]), ((), 5.0, [False, False]), ((3,), 1.0, [False, False])],
    ids=["in turn", "other weights", "at once"],
)
def test_a_training_whose_weights_a_later_one_takes_over(
    tmp_path: Path, after: tuple[int, ...], began: float, expected: list[bool]
) -> None:
    with RunWriter(tmp_path) as writer:
        optimizers = (Optimizer(type="SGD", number=3), Optimizer(type="Adam", number=4, after=after))
        for stream, optimizer in enumerate(optimizers):
            writer.add_series(signals.LOSS, range(9), [1.0] * 9, stream=stream)
            writer.state(optimizer, stream=stream)
            writer.state(Span(began=began * stream, ended=5.0 + stream, thread=1), stream=stream)
    with Run.open(tmp_path) as run:
        assert [goes_on(training) for training in run.snapshot().streams()] == expected
