from pathlib import Path

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import CustomFunction, Graph
from unstuck.rules.gradient.gradient_wrong import GradientWrong
from unstuck.testing.rules import RuleContract, outcome, record


def run_with(folder: Path, function: CustomFunction, *, good: bool = False) -> Run:
    losses = 2.3 * np.exp(-np.linspace(0, 4, 60)) if good else np.full(60, 2.3)
    graphs = [
        Graph(step=0, custom_functions=(CustomFunction(name=function.name),)),
        Graph(step=1, custom_functions=(function,)),
    ]
    return record(folder, series={signals.LOSS: losses}, facts=graphs)


class TestGradientWrong(RuleContract):
    rule = GradientWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", CustomFunction(name="Swish", relative_error=0.6, file="train.py", line=17))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", CustomFunction(name="Swish", relative_error=1e-8))


def test_it_names_the_line_of_the_backward_pass(tmp_path: Path) -> None:
    function = CustomFunction(name="Swish", relative_error=0.6, file="train.py", line=17)
    (finding,) = outcome(GradientWrong(), run_with(tmp_path, function))
    assert (finding.where.file, finding.where.line, finding.severity) == ("train.py", 17, "error")


@pytest.mark.parametrize(
    "function",
    [
        CustomFunction(name="Reverse", identity=True),
        CustomFunction(name="Round", numerical_zero=True),
    ],
)
def test_deliberate_gradients_are_silent(tmp_path: Path, function: CustomFunction) -> None:
    assert outcome(GradientWrong(), run_with(tmp_path, function)) == []


def test_a_small_error_in_a_good_training_is_a_note(tmp_path: Path) -> None:
    (finding,) = outcome(GradientWrong(), run_with(tmp_path, CustomFunction(name="F", relative_error=0.05), good=True))
    assert finding.severity == "note"


def test_one_that_could_not_be_checked_is_not_called_right(tmp_path: Path) -> None:
    (entry,) = GradientWrong().apply(run_with(tmp_path, CustomFunction(name="Checkpoint")))
    assert isinstance(entry, NotEvaluated)
    assert "Checkpoint" in entry.reason
