from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Contrast, Embeddings, Fact, Loss, LossOutput, LossTarget, OutputReach
from unstuck.rules.loss.embeddings_collapsed import EmbeddingsCollapsed
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(
    folder: Path, *, end: float = 0.01, rank: float = 4.0, looks: int = 8, facts: Sequence[Fact] = (), **known: Any
) -> Run:
    usual: dict[str, Any] = {"examples": 64, "size": 16, "pairs": True, "both": True, "file": "train.py", "line": 7}
    seen = [
        Embeddings(
            step=2**look,
            spread=0.9 if look < looks // 2 else end,
            rank=10.0 if look < looks // 2 else rank,
            **{**usual, **known},
        )
        for look in range(looks)
    ]
    return record(folder, series={signals.LOSS: [-0.5] * 50}, facts=[*seen, *facts])


class TestContract(RuleContract):
    rule = EmbeddingsCollapsed()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", end=0.6)


@pytest.mark.parametrize(
    ("known", "cause", "words"),
    [
        ({}, "bootstrap-wrong", "point the same way"),
        ({"pairs": False, "both": False}, "loss-wrong", "point the same way"),
        ({"end": 0.9, "rank": 1.05}, "bootstrap-wrong", "lie on one line"),
        ({"end": 0.3}, "bootstrap-wrong", "both sides of a pair"),
    ],
)
def test_a_collapse_is_named_with_what_was_compared(
    tmp_path: Path, known: dict[str, Any], cause: str, words: str
) -> None:
    (finding,) = outcome(EmbeddingsCollapsed(), run_of(tmp_path, **known))
    assert (finding.cause, finding.where.line) == (cause, 7)
    assert words in finding.summary


@pytest.mark.parametrize(
    "known",
    [{"looks": 3}, {"end": 0.9, "rank": 1.05, "size": 4}, {"end": 0.9, "rank": 3.0}, {"end": 0.1, "both": False}],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(EmbeddingsCollapsed(), run_of(tmp_path, **known))


def test_advice_to_detach_is_given_where_both_sides_learn(tmp_path: Path) -> None:
    (both,) = outcome(EmbeddingsCollapsed(), run_of(tmp_path / "both"))
    (one,) = outcome(EmbeddingsCollapsed(), run_of(tmp_path / "one", both=False))
    assert both.advice.startswith("detach()")
    assert not one.advice.startswith("detach()")


@pytest.mark.parametrize(("last_loss", "cause"), [(4.15, "labels-mismatched"), (0.4, "loss-wrong")])
def test_partners_are_doubted_where_none_is_found_among_others(tmp_path: Path, last_loss: float, cause: str) -> None:
    known: dict[str, Any] = {"examples": 64, "size": 16, "pairs": False, "both": True, "file": "train.py", "line": 7}
    seen = [Embeddings(step=step, spread=0.9 if step < 8 else 0.01, rank=9.0, **known) for step in (1, 2, 4, 8, 16, 32)]
    losses = [4.16, *np.linspace(4.16, last_loss, 59)]
    found = Contrast(step=32, candidates=64, itself=False)
    run = record(tmp_path, series={signals.LOSS: losses}, facts=[*seen, found])
    (finding,) = outcome(EmbeddingsCollapsed(), run)
    assert finding.cause == cause


@pytest.mark.parametrize(("greatest", "found"), [(1.0, 0), (0.0, 1)], ids=["scored", "all alike"])
def test_pairs_whose_targets_say_how_alike_they_are_are_left_alone(tmp_path: Path, greatest: float, found: int) -> None:
    cosine = LossOutput(shape=(64,), reach=OutputReach(operation="CosineSimilarity", lowest=-1.0, highest=1.0))
    scores = LossTarget(shape=(64,), type="real", minimum=0.0, maximum=greatest)
    with run_of(tmp_path, facts=[Loss(function="mse_loss", output=cosine, target=scores)]) as run:
        assert len(outcome(EmbeddingsCollapsed(), run)) == found
