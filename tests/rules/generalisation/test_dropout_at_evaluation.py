from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import FunctionalDropout, Modes
from unstuck.rules import judge
from unstuck.rules.generalisation.dropout_at_evaluation import DropoutAtEvaluation
from unstuck.testing.rules import RuleContract, outcome, record

FALLING = np.geomspace(2.3, 0.2, 100)
ALWAYS = FunctionalDropout(where="", function="dropout", at_work_in_evaluation=12, file="train.py", line=9)


def evaluated(folder: Path, *facts: FunctionalDropout | Modes, measured: bool = True) -> Run:
    series = {signals.LOSS: FALLING, **({signals.VALIDATION_LOSS: FALLING[::20]} if measured else {})}
    return record(folder, series=series, facts=facts)


class TestContract(RuleContract):
    rule = DropoutAtEvaluation()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return evaluated(tmp_path / "sick", ALWAYS)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return evaluated(tmp_path / "healthy", replace(ALWAYS, at_work_in_evaluation=0, idle=12))


def test_the_call_is_named_whichever_mode_its_module_is_in(tmp_path: Path) -> None:
    for number, fact in enumerate((ALWAYS, replace(ALWAYS, at_work_in_evaluation=0, at_work_in_training=12))):
        with evaluated(tmp_path / str(number), fact) as run:
            (found,) = outcome(DropoutAtEvaluation(), run)
        assert (found.severity, found.where.line) == ("warning", 9)
        assert ("self.training" if number == 0 else "model.eval()") in found.advice


@pytest.mark.parametrize(
    ("fact", "measured"),
    [(replace(ALWAYS, told=True), True), (replace(ALWAYS, idle=3), True), (ALWAYS, False)],
    ids=["told to", "some without", "nothing measured"],
)
def test_dropout_at_evaluation_on_purpose_is_silent(tmp_path: Path, fact: FunctionalDropout, measured: bool) -> None:
    with evaluated(tmp_path / "a", fact, measured=measured) as run:
        assert outcome(DropoutAtEvaluation(), run) == []


def test_modules_in_the_wrong_mode_explain_functions_in_it(tmp_path: Path) -> None:
    modes = Modes(step=50, phase="evaluation", dropouts_training=2, model_training=True)
    function = replace(ALWAYS, at_work_in_evaluation=0, at_work_in_training=12)
    with evaluated(tmp_path / "a", function, modes) as run:
        assert [finding.code for finding in judge(run).findings] == ["R301"]


def test_evaluations_that_nothing_is_seen_to_be_measured_by_are_not_judged(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: FALLING, signals.EVALUATED: [300.0]}, facts=[ALWAYS]) as run:
        (entry,) = DropoutAtEvaluation().apply(run)
    assert entry == NotEvaluated(reason="evaluations were seen, but neither their loss nor their accuracy")
