from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import (
    Connection,
    Fact,
    Loss,
    LossOutput,
    LossTarget,
    Model,
    Optimizer,
    Parameter,
    ParameterGroup,
    Wiring,
)
from unstuck.rules.data.targets_not_scaled import TargetsNotScaled
from unstuck.testing.rules import RuleContract, outcome, record

MEAN, VARIANCE = 300.0, 100.0**2
BLOWN_UP = [1e5, 1e9, 1e14, 1e20, 1e27, inf, inf, inf]


def run_of(
    folder: Path,
    *,
    losses: list[float],
    outputs: tuple[float, float] = (0.0, 20.0),
    spread: tuple[float, float] = (0.3, 5.0),
    method: str = "Adam",
    rate: float = 1e-3,
    mean: float = MEAN,
    variance: float = VARIANCE,
    made_by: str = "Addmm",
    facts: tuple[Fact, ...] = (),
) -> Run:
    call = Loss(
        function="mse_loss",
        output=LossOutput(shape=(32, 1), operation=made_by),
        target=LossTarget(shape=(32, 1), type="real", mean=mean, variance=variance),
        file="train.py",
        line=6,
    )
    betas = (0.9, 0.999) if method == "Adam" else None
    group = ParameterGroup(parameters=4, learning_rate=rate, betas=betas)
    steps = len(losses)
    series = {
        signals.LOSS: losses,
        signals.OUTPUT_MEAN: np.linspace(*outputs, steps).tolist(),
        signals.OUTPUT_STD: np.linspace(*spread, steps).tolist(),
    }
    return record(folder, series=series, facts=[call, Optimizer(type=method, groups=(group,)), *facts])


def lagging() -> list[float]:
    """Adam's small steps carry the outputs from 0 to 20, where 300 are asked: the loss stays above the variance."""
    return ((MEAN - np.linspace(0, 20, 200)) ** 2 + VARIANCE).tolist()


class TestContract(RuleContract):
    rule = TargetsNotScaled()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", losses=lagging())

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        losses = np.linspace(1.0, 0.05, 200).tolist()
        return run_of(tmp_path / "healthy", losses=losses, outputs=(0.0, 0.0), mean=0.0, variance=1.0)


def test_outputs_that_do_not_reach_the_targets_are_an_error_with_the_repair(tmp_path: Path) -> None:
    (finding,) = outcome(TargetsNotScaled(), run_of(tmp_path, losses=lagging()))
    assert (finding.cause, finding.severity, finding.confidence) == ("targets-not-scaled", "error", 0.9)
    assert "(y - 300) / 100" in finding.advice
    assert (finding.where.file, finding.where.line) == ("train.py", 6)


def test_descent_by_length_blows_up_on_large_targets(tmp_path: Path) -> None:
    (finding,) = outcome(TargetsNotScaled(), run_of(tmp_path, losses=BLOWN_UP, method="SGD", rate=0.01))
    assert (finding.severity, finding.confidence) == ("error", 0.9)


@pytest.mark.parametrize(
    ("method", "rate"),
    [
        ("SGD", 10.0),  # a rate that would blow up on any targets
        ("Adam", 0.01),  # whose steps do not grow with the targets
    ],
)
def test_a_blow_up_that_the_targets_do_not_explain_is_left_to_other_rules(
    tmp_path: Path, method: str, rate: float
) -> None:
    assert outcome(TargetsNotScaled(), run_of(tmp_path, losses=BLOWN_UP, method=method, rate=rate)) == []


def test_large_targets_that_are_learnt_are_left_alone(tmp_path: Path) -> None:
    losses = np.geomspace(MEAN**2 + VARIANCE, 0.02 * VARIANCE, 400).tolist()
    run = run_of(tmp_path, losses=losses, outputs=(0.0, 298.0), spread=(0.3, 99.0))
    assert outcome(TargetsNotScaled(), run) == []


def test_outputs_that_an_activation_bounds_are_another_fault(tmp_path: Path) -> None:
    assert outcome(TargetsNotScaled(), run_of(tmp_path, losses=lagging(), made_by="Sigmoid")) == []


def test_small_targets_drown_in_what_a_fresh_network_gives(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(scale=1e-3, size=100)
    stuck = (0.02 + noise).tolist()
    tiny = {"mean": 1e-4, "variance": 1e-8, "outputs": (0.0, 0.0)}
    (finding,) = outcome(TargetsNotScaled(), run_of(tmp_path / "a", losses=stuck, spread=(0.3, 0.1), **tiny))  # pyright: ignore
    assert "drown" in finding.summary
    learnt = np.geomspace(0.09, 1e-10, 100).tolist()
    assert outcome(TargetsNotScaled(), run_of(tmp_path / "b", losses=learnt, spread=(0.3, 1e-4), **tiny)) == []  # pyright: ignore


@pytest.mark.parametrize(("layers", "blamed"), [(1, False), (2, True)])
def test_the_stability_of_a_linear_model_does_not_hang_on_its_targets(
    tmp_path: Path, layers: int, blamed: bool
) -> None:
    hidden = Connection(parameter="1", operations=("Relu",), before=("0",))
    wires = (*((hidden,) if layers == 2 else ()), Connection(parameter="0", inputs=True))
    model = Model(type="Net", parameters=tuple(Parameter(name=wire.parameter, shape=(4, 4)) for wire in wires))
    run = run_of(tmp_path, losses=BLOWN_UP, method="SGD", rate=0.01, facts=(model, Wiring(connections=wires)))
    assert bool(outcome(TargetsNotScaled(), run)) is blamed
