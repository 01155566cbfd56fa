from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Index, Run, RunWriter, signals
from unstuck.report import curves
from unstuck.report.plot import Plot
from unstuck.report.wording import ENGLISH


def names(plot: Plot) -> list[str]:
    return [line.name for block in plot.blocks for line in block.lines]


def test_loss_shows_batches_their_mean_validation_and_what_to_expect(healthy: Run) -> None:
    plot = curves.loss(healthy, ENGLISH, rows=500)
    assert names(plot) == ["batch", "mean of 23 samples", "validation"]
    assert plot.references[0].name == "untrained: ln C, C = 10 = 2.3"
    assert plot.title.startswith("The loss fell from")
    assert len(plot.blocks[0].steps) <= 502
    assert plot.blocks[0].lines[0].values.max() == healthy.series(signals.LOSS).values.max()


def test_a_broken_loss_says_when_and_why_validation_lacks(sick: Run) -> None:
    plot = curves.loss(sick, ENGLISH, rows=500)
    assert plot.title == "The loss stopped being finite at step 721"
    assert plot.notes == (
        "179 of 900 samples are NaN or infinite and leave gaps; the first is at step 721.",
        "The validation loss is not drawn: evaluations were seen, but not their loss.",
    )


def test_accuracy_shows_both_parts_and_the_commonest_class(healthy: Run) -> None:
    plot = curves.accuracy(healthy, ENGLISH, rows=500)
    assert names(plot) == ["training", "validation"]
    assert plot.references[0].value == pytest.approx(159 / (9 * 142 + 159))
    best = healthy.series(signals.VALIDATION_ACCURACY)
    assert f"{100 * best.values.max():.1f}% at step {best.steps[best.values.argmax()]}" in plot.title


def test_the_gradient_norm_is_that_of_the_whole_gradient_and_stands_beside_the_loss(healthy: Run) -> None:
    plot = curves.gradient_norm(healthy, ENGLISH, rows=5000)
    table = healthy.table(signals.GRADIENT_NORM)
    assert plot.blocks[0].lines[0].values == pytest.approx(np.linalg.norm(table.values, axis=1))
    assert [line.right for block in plot.blocks for line in block.lines] == [False, True]


def record(folder: Path, signal: signals.Signal, values: list[object]) -> Run:
    with RunWriter(folder) as writer:
        if signal.index is not Index.RUN:
            writer.name(signal.index, [str(i) for i in range(len(np.atleast_1d(np.asarray(values[0]))))])
        for step, value in enumerate(values):
            writer.add(signal, step, value)  # pyright: ignore
    return Run.open(folder)


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ([1.0, 1.01, 1.02], "The loss stayed at 1.02"),
        ([1.0, 2.0, 4.0], "The loss rose from 1 to 4"),
        ([-1.0, -2.0], "The loss fell from -1 to -2"),
        ([0.0, 0.0], "The loss stayed at 0"),
        ([2.0, 9e8, 2.5], "The loss climbed from 2 to 9e8, and ended at 2.5"),
        ([3.0], "The loss stayed at 3"),
    ],
)
def test_the_title_tells_what_the_loss_did(tmp_path: Path, values: list[object], title: str) -> None:
    with record(tmp_path, signals.LOSS, values) as run:
        assert curves.loss(run, ENGLISH, rows=100).title == title


def test_batch_accuracy_stands_in_for_epochs(tmp_path: Path) -> None:
    with record(tmp_path, signals.ACCURACY, [0.1, 0.5, 0.9]) as run:
        plot = curves.accuracy(run, ENGLISH, rows=100)
    assert plot.title == "Training accuracy reached 90.0% at step 2"
    assert plot.notes[0].startswith("The validation accuracy is not drawn")


def test_groups_with_the_same_rate_share_a_line(tmp_path: Path) -> None:
    with record(tmp_path, signals.LEARNING_RATE, [[0.1, 0.1, 1e-3], [0.01, 0.01, 1e-4]]) as run:
        plot = curves.learning_rate(run, ENGLISH, rows=100)
    assert names(plot) == ["group 0, 1", "group 2"]
    assert plot.blocks[0].steps.tolist() == [0, 1, 2]
    assert plot.blocks[0].lines[1].values == pytest.approx([1e-3, 1e-4, 1e-4])
    assert plot.title == "The learning rate went from 0.1 to 0.01"


@pytest.mark.parametrize(
    ("draw", "signal"),
    [
        (curves.loss, signals.LOSS),
        (curves.accuracy, signals.ACCURACY),
        (curves.learning_rate, signals.LEARNING_RATE),
        (curves.gradient_norm, signals.GRADIENT_NORM),
    ],
)
def test_a_plot_without_values_says_why(tmp_path: Path, draw: object, signal: signals.Signal) -> None:
    with RunWriter(tmp_path / "none"), Run.open(tmp_path / "none") as run:
        assert draw(run, ENGLISH, rows=100).missing == signal.missing  # pyright: ignore
    values = [np.nan] if signal.index is Index.RUN else [[np.nan]]
    with record(tmp_path / "nan", signal, values) as run:  # pyright: ignore
        assert draw(run, ENGLISH, rows=100).missing == "no value is finite"  # pyright: ignore
