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
    loss, worth = comparison(rows, "four rates").charts[:2]
    assert [strand.name for strand in loss.strands] == ["too low", "good", "high", "very high"]
    assert loss.log
    first = {strand.y[0] for strand in loss.strands}
    assert len(first) == 1  # one network, one seed
    assert first.pop() == pytest.approx(np.log(2), rel=0.5)
    for row, strand in zip(rows, loss.strands, strict=True):
        np.testing.assert_array_equal(strand.y[1:], row.losses)
        assert strand.x == tuple(range(len(row.losses) + 1))
    assert worth.title == "Validation accuracy by epoch"
    assert not worth.log


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
