from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget, Model, Optimizer, Parameter, ParameterGroup
from unstuck.rules import judge
from unstuck.rules.loss.loss_reduction_wrong import LossReductionWrong
from unstuck.testing.rules import RuleContract, outcome, record

SGD = Optimizer(type="SGD", groups=(ParameterGroup(parameters=2, learning_rate=0.05),))
MODEL = Model(type="Net", parameters=(Parameter(name="w", shape=(10, 64), role="weight"),))
MEAN = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(50, 10)),
    target=LossTarget(shape=(50,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
    file="train.py",
    line=7,
)
WAVE = 0.01 * np.sin(np.arange(100) * 1.7)
FLAT, LEARNT = 2.3 + WAVE, np.geomspace(2.3, 0.02, 100)


def scaled(
    folder: Path, factor: float, ratio: float, *, call: Loss = MEAN, optimizer: Optimizer = SGD,
    loss: np.ndarray = FLAT, added: np.ndarray | float = 0.0,
) -> Run:  # fmt: skip
    """A run that differentiates a multiple of what the loss function returned."""
    series = {
        signals.LOSS: factor * loss + added,
        signals.LOSS_CALL: loss,
        signals.BATCH_SIZE: [50.0] * 100,
    }
    tables = {signals.UPDATE_RATIO: {"w": [ratio] * 100}}
    return record(folder, series=series, tables=tables, facts=(MODEL, optimizer, call))


class TestContract(RuleContract):
    rule = LossReductionWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return scaled(tmp_path / "sick", 1 / 4000, 1e-6)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return scaled(tmp_path / "healthy", 1.0, 1e-3)


def test_a_mean_divided_once_more(tmp_path: Path) -> None:
    with scaled(tmp_path / "a", 1 / 4000, 1e-6) as run:
        first = judge(run).findings[0]
    assert (first.code, first.cause, first.severity) == ("L201", "loss-reduction-wrong", "error")


def test_a_sum_by_hand_and_one_by_name(tmp_path: Path) -> None:
    with scaled(tmp_path / "a", 50.0, 0.2) as run:
        assert [finding.cause for finding in outcome(LossReductionWrong(), run)] == ["loss-reduction-wrong"]
    summed = replace(MEAN, reduction="sum")
    with scaled(tmp_path / "b", 1.0, 0.2, call=summed, loss=50 * FLAT) as run:
        assert [finding.cause for finding in outcome(LossReductionWrong(), run)] == ["loss-reduction-wrong"]


@pytest.mark.parametrize("method", ["Adam", "AdamW", "RMSprop", "Adagrad"])
def test_methods_that_do_not_notice_a_factor(tmp_path: Path, method: str) -> None:
    with scaled(tmp_path / "a", 50.0, 0.2, optimizer=replace(SGD, type=method)) as run:
        assert outcome(LossReductionWrong(), run) == []


def test_accumulation_weights_and_penalties_pass(tmp_path: Path) -> None:
    cases = ((1 / 8, 1e-4, 0.0), (0.5, 1e-4, 0.0), (1.0, 0.2, 60.0 + 20 * np.sin(np.arange(100))))
    for number, (factor, ratio, added) in enumerate(cases):
        with scaled(tmp_path / str(number), factor, ratio, added=added) as run:
            assert outcome(LossReductionWrong(), run) == []


def test_a_sum_with_a_rate_to_match_passes(tmp_path: Path) -> None:
    with scaled(tmp_path / "a", 50.0, 2e-3) as gentle, scaled(tmp_path / "b", 50.0, 0.2, loss=LEARNT) as learns:
        assert outcome(LossReductionWrong(), gentle) == outcome(LossReductionWrong(), learns) == []
