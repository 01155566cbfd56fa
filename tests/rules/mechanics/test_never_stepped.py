from pathlib import Path

import pytest

from unstuck.record import Run
from unstuck.record.facts import End, Graph, Modes, Optimizer, ParameterGroup, Passes
from unstuck.rules.mechanics.never_stepped import NeverStepped
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, *extra: object, updates: int = 0, backward: int = 40, unmoved: bool = True) -> Run:
    group = ParameterGroup(parameters=2, learning_rate=0.1)
    given = [
        Passes(updates=updates, forward=backward, backward=backward, unmoved=unmoved),
        Optimizer(type="SGD", groups=(group,), file="train.py", line=5),
        Graph(step=0, file="train.py", line=9),
    ]
    return record(folder, facts=[*given, *extra])


class TestContract(RuleContract):
    rule = NeverStepped()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", updates=40, unmoved=False)


def test_it_says_where_to_step(tmp_path: Path) -> None:
    (found,) = outcome(NeverStepped(), run_of(tmp_path))
    assert "40 backward passes" in found.summary
    assert "train.py:9" in found.advice
    assert str(found.where) == "train.py:5"


@pytest.mark.parametrize(
    "run",
    [
        {"backward": 10},
        {"unmoved": False},
    ],
)
def test_experiments_and_updates_by_hand_are_silent(tmp_path: Path, run: dict[str, bool]) -> None:
    assert not outcome(NeverStepped(), run_of(tmp_path, **run))


def test_gradients_in_evaluation_mode_are_wanted_for_themselves(tmp_path: Path) -> None:
    modes = Modes(step=0, phase="training", dropouts_evaluating=2, model_training=False)
    assert not outcome(NeverStepped(), run_of(tmp_path, modes))


@pytest.mark.parametrize("reason", ["crashed", "interrupted"])
def test_a_program_that_did_not_end_may_have_stepped_later(tmp_path: Path, reason: str) -> None:
    assert not outcome(NeverStepped(), run_of(tmp_path, End(reason=reason, steps=0)))
