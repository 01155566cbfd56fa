from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.rules import judge
from unstuck.rules.gradient.dead_units import DeadUnits
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]


class TestContract(RuleContract):
    rule = DeadUnits()

    @pytest.fixture
    def sick(self, train: Train) -> Run:
        return train(bias=-5.0)

    @pytest.fixture
    def healthy(self, train: Train) -> Run:
        return train()


def test_units_silent_from_the_start_are_the_initialisation_s(train: Train) -> None:
    first = judge(train(bias=-5.0)).findings[0]
    assert (first.code, first.cause, first.severity) == ("G101", "init-scale-wrong", "error")
    assert first.where.module in ("net.1", "net.3")


def test_units_that_died_are_the_rate_s(train: Train) -> None:
    first = judge(train(method="sgd", rate=10.0)).findings[0]
    (below,) = [symptom for symptom in first.symptoms if symptom.code == "G101"]
    assert (first.code, below.cause) == ("O201", "lr-too-high")


def layer(folder: Path, share: float, loss: np.ndarray) -> Run:
    tables = {
        signals.DEAD_UNITS: {"0": [np.nan] * 100, "1": [share] * 100},
        signals.ACTIVATION_ZEROS: {"0": [0.0] * 100, "1": [0.5] * 100},
    }
    return record(folder, series={signals.LOSS: loss}, tables=tables)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.79])
def test_sparse_layers_are_natural(tmp_path: Path, share: float) -> None:
    with layer(tmp_path / "a", share, np.full(100, 2.3)) as run:
        assert outcome(DeadUnits(), run) == []


def test_how_much_it_matters_is_told_by_learning(tmp_path: Path) -> None:
    learns, does_not = np.geomspace(2.3, 0.01, 100), np.full(100, 2.3)
    severities = []
    for name, share, loss in (("a", 0.9, learns), ("b", 0.9, does_not), ("c", 1.0, does_not)):
        with layer(tmp_path / name, share, loss) as run:
            severities += [finding.severity for finding in outcome(DeadUnits(), run)]
    assert severities == ["note", "warning", "error"]
