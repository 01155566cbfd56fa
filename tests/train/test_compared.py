from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.train import outcome_of, read_variants, train_variants
from unstuck.train.compared import Compared, compared, comparison

QUICK = ["data.quick=true", "train.epochs=3", "model.hidden=[16]"]


def rows_of(name: str, folder: Path, *overrides: str) -> list[Compared]:
    variants = read_variants(name, overrides=[*QUICK, *overrides])
    return [compared(outcome_of(variant, trained)) for variant, trained in train_variants(variants, folder)]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Compared]:
    return rows_of("learning-rates", tmp_path_factory.mktemp("runs") / "c")


def test_the_loss_of_every_training_is_drawn_from_the_untrained_network_on(rows: list[Compared]) -> None:
    _, loss, worth = comparison(rows, "four rates").charts
    rates = [row.outcome.variant.recipe.optimizer.lr for row in rows]
    names = ("too low", "good", "high", "very high")
    expected = [f"{name}, rate {rate:g}" for name, rate in zip(names, rates, strict=True)]
    assert [strand.name for strand in loss.strands] == expected
    assert loss.log
    first = {strand.y[0] for strand in loss.strands}
    assert len(first) == 1  # one network, one seed
    assert first.pop() == pytest.approx(np.log(2), rel=0.5)
    for row, strand in zip(rows, loss.strands, strict=True):
        np.testing.assert_array_equal(strand.y[1:], row.losses)
        assert strand.x == tuple(range(len(row.losses) + 1))
    assert worth.title == "Validation accuracy by epoch"
    assert not worth.log


def test_the_first_picture_begins_with_the_first_step_and_is_not_pressed_by_a_burst(rows: list[Compared]) -> None:
    first = comparison(rows, "four rates").charts[0]
    assert not first.log
    assert first.level == pytest.approx(np.log(2))
    assert first.top is not None
    assert first.top < 3 * np.log(2)
    for row, strand in zip(rows, first.strands, strict=True):
        assert (strand.x[0], strand.y[0]) == (0.0, row.start)
        assert strand.x[1] == pytest.approx(1.0 / row.steps_per_epoch)
        assert strand.x[-1] <= 3.0
        assert list(strand.x) == sorted(strand.x)
    highest = [max(strand.y) for strand in first.strands]
    assert highest[3] > 2 * first.top


def test_one_network_has_one_gradient_by_depth_and_two_have_two(rows: list[Compared]) -> None:
    same = [chart.title for chart in comparison(rows, "four rates").charts]
    assert not any("Gradient" in title for title in same)
    other = replace(rows[0], gradients=2.0 * rows[0].gradients)
    assert "Gradient" in comparison([rows[1], other], "two").charts[-1].title


def test_second_order_methods_are_compared_by_step_and_by_time(tmp_path: Path) -> None:
    overrides = ["train.epochs=30"]
    variants = read_variants("second-order", overrides=overrides)
    rows = [compared(outcome_of(*pair)) for pair in train_variants(variants[1:], tmp_path / "s")]
    steps, seconds = comparison(rows, "second order").charts
    assert steps.log_across
    assert [max(strand.x) for strand in steps.strands] == [30.0] * 3
    for row, strand in zip(rows, seconds.strands, strict=True):
        assert max(strand.x) == pytest.approx(row.outcome.trained.seconds)
    momentum, newton, free = (row.losses for row in rows)
    assert newton[3] < 1.01e4 + 200 < 2e4 < momentum[-1]
    assert free[5] == pytest.approx(newton[3], rel=0.01)


def test_the_table_leaves_out_what_nobody_has(rows: list[Compared]) -> None:
    shown = comparison(rows, "four rates")
    assert "test" not in shown.columns  # a quick training leaves the test part alone
    assert "saturated" not in shown.columns
    assert {"epochs", "loss", "first epoch", "weighted input", "dead", "verdict"} <= set(shown.columns)
    assert all(len(row) == len(shown.columns) for row in shown.rows)
    assert [row[0] for row in shown.rows] == [row.name for row in rows]


def test_a_row_is_plain_data(rows: list[Compared]) -> None:
    data = rows[1].to_dict()
    assert data["variant"] == "good"
    np.testing.assert_allclose(data["gradients"], rows[1].gradients)
    np.testing.assert_allclose(data["losses"], rows[1].losses)


def test_a_regression_is_compared_by_its_loss(tmp_path: Path) -> None:
    rows = rows_of("dropout", tmp_path / "d")
    worth = comparison(rows, "dropout").charts[1]
    assert worth.title == "Validation loss by epoch"
    assert worth.log
    assert not any(row.classes for row in rows)
