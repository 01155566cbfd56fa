from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget, LossTerm, LossTerms
from unstuck.rules.loss.loss_terms_unbalanced import LossTermsUnbalanced
from unstuck.testing.rules import RuleContract, outcome, record

GUESS = np.log(4)


def run_with(
    folder: Path,
    *,
    task: tuple[float, float] = (1.4, GUESS),
    heavy: tuple[float, float] = (900.0, 30.0),
    factor: float = 1.0,
    steps: tuple[int, ...] = (0, 1, 2, 40, 80, 95),
) -> Run:
    call = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, 4)),
        target=LossTarget(shape=(32,), type="class"),
        classes=LossClasses(number=4, counts=(5000,) * 4),
        file="train.py",
        line=20,
    )

    def look(step: int) -> LossTerms:
        value, other = (pair[step > 9] for pair in (task, heavy))
        terms = (
            LossTerm(value=value, weighted=factor * value, function="cross_entropy", file="train.py", line=20),
            LossTerm(value=other, weighted=other, operation="mse_loss", file="train.py", line=21),
        )
        return LossTerms(step=step, terms=terms)

    facts = [call, *map(look, steps)]
    series = {signals.LOSS: list(np.linspace(sum((task[0], heavy[0])), task[1] + heavy[1], 100))}
    return record(folder, series=series | {signals.BATCH_SIZE: [32.0] * 100}, facts=facts)


class TestLossTermsUnbalanced(RuleContract):
    rule = LossTermsUnbalanced()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", heavy=(2.0, 0.1))


def test_the_line_of_the_heavy_term_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(LossTermsUnbalanced(), run_with(tmp_path))
    assert (finding.where.file, finding.where.line) == ("train.py", 21)


def test_a_task_that_is_learnt_all_the_same(tmp_path: Path) -> None:
    assert outcome(LossTermsUnbalanced(), run_with(tmp_path, task=(1.4, 0.4))) == []


def test_a_heavy_term_that_does_not_fall_has_drowned_nothing(tmp_path: Path) -> None:
    assert outcome(LossTermsUnbalanced(), run_with(tmp_path, heavy=(900.0, 880.0))) == []


def test_a_term_that_is_light_on_purpose(tmp_path: Path) -> None:
    assert outcome(LossTermsUnbalanced(), run_with(tmp_path, factor=0.01)) == []


def test_terms_that_were_seen_early_only_are_not_judged(tmp_path: Path) -> None:
    run = run_with(tmp_path, steps=(0, 1, 2, 3, 4, 5))
    assert [gate.admits(run) for gate in LossTermsUnbalanced.applies_to] == [True, False]
