"""The terms of a loss over the training."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossTarget, LossTerm, LossTerms, TargetOutputs
from unstuck.rules.terms import LATE_LOOKS, courses, tasks
from unstuck.testing.rules import record

SOFT = Loss(
    function="binary_cross_entropy",
    target=LossTarget(
        type="real",
        shape=(8, 4),
        mean=0.2,
        variance=0.1,
        each=TargetOutputs(outputs=4, examples=900.0, variance=0.1, mean_entropy=0.5, entropy=0.3),
    ),
    line=3,
)


def run_with(folder: Path, *steps: int, level: float = 0.31) -> Run:
    def look(step: int) -> LossTerms:
        penalty = LossTerm(value=9.0, weighted=0.09, operation="sum", shape=(8 if step < 90 else 2, 4))
        error = LossTerm(value=0.6 if step < 10 else level, weighted=1.2, function="binary_cross_entropy", line=3)
        return LossTerms(step=step, terms=(error, penalty))

    series = {signals.LOSS: [1.0] * 100, signals.BATCH_SIZE: [8.0] * 100}
    return record(folder, series=series, facts=[SOFT, *map(look, steps)])


@pytest.mark.parametrize(
    ("steps", "admitted"),
    [((0, 1, 2, 60), True), ((0, 1, 2, 40), False), ((0, 1, 60), False), ((0, 1, 2, 60, 80, 99), True)],
)
def test_a_look_in_the_second_half_is_needed_beside_three(
    tmp_path: Path, steps: tuple[int, ...], admitted: bool
) -> None:
    assert LATE_LOOKS.admits(run_with(tmp_path, *steps)) is admitted


def test_the_end_is_told_by_late_looks_alone(tmp_path: Path) -> None:
    error, penalty = courses(run_with(tmp_path, 0, 1, 2, 4, 9, 99))
    assert error.level == 0.31
    assert penalty.factor == pytest.approx(0.01)
    assert penalty.term.shape == (8, 4)  # the last batch was a smaller one


@pytest.mark.parametrize(("level", "unlearnt"), [(0.49, True), (0.46, False), (0.31, False)])
def test_what_was_learnt_is_counted_from_the_floor(tmp_path: Path, level: float, unlearnt: bool) -> None:
    (task,) = tasks(run_with(tmp_path, 0, 1, 2, 60, 80, 99, level=level))
    assert task.guess == pytest.approx(0.5)
    assert task.unlearnt is unlearnt
