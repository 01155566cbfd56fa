from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Optimizer, ParameterGroup, Passes
from unstuck.rules import judge
from unstuck.rules.mechanics.weights_not_moved import WeightsNotMoved
from unstuck.testing.rules import RuleContract, outcome, record

NAN = float("nan")


def run_of(
    folder: Path, *, update: float = 0.0, gradient: float = NAN, rate: float = 0.1, initial: float | None = None,
    samples: int = 20, reached: int | None = None, entered: int = 20,
) -> Run:  # fmt: skip
    group = ParameterGroup(parameters=2, learning_rate=rate, initial_rate=initial)
    passes = [] if reached is None else [Passes(updates=20, forward=entered, backward=reached, lost=0)]
    return record(
        folder,
        series={signals.LOSS: np.full(20, 2.3)},
        tables={
            signals.UPDATE_NORM: {"weight": [update] * samples, "bias": [0.0] * samples},
            signals.GRADIENT_NORM: {"weight": [gradient] * samples, "bias": [gradient] * samples},
            signals.LEARNING_RATE: {"0": [rate]},
        },
        facts=[Optimizer(type="SGD", groups=(group,), file="train.py", line=5), *passes],
    )


class TestContract(RuleContract):
    rule = WeightsNotMoved()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", update=1e-9, gradient=1e-8)


@pytest.mark.parametrize(
    ("given", "cause", "words"),
    [
        ({}, "parameters-not-optimized", "gradients are gone"),
        ({"gradient": 0.0}, "parameters-not-optimized", "gradients are gone"),
        ({"reached": 20}, "parameters-not-optimized", "gradients are gone"),
        ({"reached": 0, "entered": 0}, "parameters-not-optimized", "no loss leads to the weights"),
        ({"reached": 0}, "graph-detached", "though their model runs"),
        ({"gradient": 1.0, "rate": 0.0}, "lr-too-low", "rate is 0"),
        ({"gradient": 1.0, "rate": 0.0, "initial": 0.1}, "lr-schedule-wrong", "schedule"),
        ({"gradient": 1.0}, "parameters-not-optimized", "updates are zero"),
    ],
)
def test_why_no_weight_moves(tmp_path: Path, given: dict[str, float], cause: str, words: str) -> None:
    with run_of(tmp_path, **given) as run:
        first = judge(run).findings[0]
    assert (first.code, first.cause, first.severity, str(first.where)) == ("T202", cause, "error", "train.py:5")
    assert words in first.summary


def test_updates_that_are_zero_for_no_known_reason_must_be_so_to_the_end(tmp_path: Path) -> None:
    assert outcome(WeightsNotMoved(), run_of(tmp_path / "a", gradient=1.0, samples=8)) == []
    assert len(outcome(WeightsNotMoved(), run_of(tmp_path / "b", samples=8))) == 1
