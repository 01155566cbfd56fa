from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Model, Optimizer, Parameter, ParameterGroup
from unstuck.rules.optimisation.optimizer_unsuited import OptimizerUnsuited
from unstuck.testing.rules import RuleContract, outcome, record


def run_with(
    folder: Path,
    kind: str,
    *,
    end: float = 2.2,
    steps: int = 400,
    seen_before: float = 0.0,
    gradient: float = 0.3,
    **constants: object,
) -> Run:
    losses = end + (2.3 - end) * np.exp(-np.linspace(0, 4, steps))
    group = ParameterGroup(parameters=1, learning_rate=1e-3, **constants)  # type: ignore[arg-type]
    facts = [
        Model(type="Net", parameters=(Parameter(name="0.weight", shape=(100, 100), role="weight"),)),
        Optimizer(type=kind, groups=(group,), file="train.py", line=12),
    ]
    return record(
        folder,
        series={signals.LOSS: list(losses), signals.BATCH_SEEN_BEFORE: [0.0] + [seen_before] * 9},
        tables={signals.GRADIENT_NORM: {"0.weight": [gradient] * steps}},
        facts=facts,
    )


class TestOptimizerUnsuited(RuleContract):
    rule = OptimizerUnsuited()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", "AdamW", epsilon=1.0, betas=(0.9, 0.999))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", "AdamW", epsilon=1e-8, betas=(0.9, 0.999))


@pytest.mark.parametrize(
    ("kind", "constants", "word"),
    [
        ("SGD", {"momentum": 0.999}, "remembers 1000 steps"),
        ("Adam", {"betas": (0.999, 0.9), "epsilon": 1e-8}, "exchanged"),
        ("Adam", {"betas": (0.995, 0.999), "epsilon": 1e-8}, "remembers 200 steps"),
    ],
)
def test_other_constants(tmp_path: Path, kind: str, constants: dict[str, object], word: str) -> None:
    (finding,) = outcome(OptimizerUnsuited(), run_with(tmp_path, kind, **constants))
    assert word in finding.summary


def test_what_learns_well_is_suited(tmp_path: Path) -> None:
    assert outcome(OptimizerUnsuited(), run_with(tmp_path, "SGD", momentum=0.999, end=0.1)) == []


def test_a_long_training_may_have_a_long_memory(tmp_path: Path) -> None:
    assert outcome(OptimizerUnsuited(), run_with(tmp_path, "SGD", momentum=0.99, steps=3000)) == []


def test_a_method_without_an_epsilon_that_scales_is_passed_over(tmp_path: Path) -> None:
    assert outcome(OptimizerUnsuited(), run_with(tmp_path, "SGD", epsilon=1.0, momentum=0.9)) == []


@pytest.mark.parametrize("kind", ["Rprop", "LBFGS"])
def test_methods_for_whole_batches_on_parts_of_the_data(tmp_path: Path, kind: str) -> None:
    (finding,) = outcome(OptimizerUnsuited(), run_with(tmp_path / "parts", kind))
    assert "another batch" in finding.summary
    assert outcome(OptimizerUnsuited(), run_with(tmp_path / "whole", kind, seen_before=1.0)) == []
    assert outcome(OptimizerUnsuited(), run_with(tmp_path / "good", kind, end=0.05)) == []


def test_an_epsilon_at_its_default_is_not_blamed_for_gradients_that_have_vanished(tmp_path: Path) -> None:
    vanished = {"gradient": 1e-20, "betas": (0.9, 0.999)}
    assert outcome(OptimizerUnsuited(), run_with(tmp_path / "a", "Adam", epsilon=1e-8, **vanished)) == []
    assert outcome(OptimizerUnsuited(), run_with(tmp_path / "b", "Adam", epsilon=1e-4, **vanished)) == []
    assert len(outcome(OptimizerUnsuited(), run_with(tmp_path / "c", "Adam", epsilon=1e-4, gradient=1e-4))) == 1
