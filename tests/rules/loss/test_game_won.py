from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Graph, Loss, LossTarget, Optimizer
from unstuck.rules.loss.game_won import GameWon
from unstuck.testing.rules import RuleContract, outcome


def run_of(folder: Path, *, end: float = 0.002, distinct: int = 2, game: bool = True) -> Run:
    """A discriminator, and a generator whose loss leads through it."""
    target = LossTarget(type="real", distinct=distinct)
    fall = np.concatenate([np.geomspace(1.4, end, 60), np.full(140, end)])
    with RunWriter(folder) as writer:
        for stream, values in enumerate((fall, np.geomspace(0.7, 9.0, 200))):
            writer.state(Loss(function="binary_cross_entropy_with_logits", target=target), stream=stream)
            writer.state(Optimizer(type="Adam", number=stream, file="train.py", line=7 + stream), stream=stream)
            through = (1 - stream,) if game and stream else ()
            writer.state(Graph(step=0, through=through, through_others=bool(through)), stream=stream)
            for step, value in enumerate(values):
                writer.add(signals.LOSS, step, float(value), stream=stream)
    return Run.open(folder).snapshot().streams()[0]


class TestContract(RuleContract):
    rule = GameWon()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", end=0.9)


def test_the_winner_is_named_by_its_optimizer(tmp_path: Path) -> None:
    (finding,) = outcome(GameWon(), run_of(tmp_path))
    assert (finding.cause, finding.where.line) == ("lr-too-high", 7)


@pytest.mark.parametrize("known", [{"end": 0.1}, {"distinct": 17}, {"game": False}])
def test_a_critic_and_a_classifier_may_have_no_loss_left(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(GameWon(), run_of(tmp_path, **known))
