"""Rates of low-rank adapters are judged by the product of their factors, beside the weights that they adapt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Adapter, Loss, LossClasses, LossOutput, LossTarget, Model, Parameter
from unstuck.rules.optimisation.learning_rate_too_high import LearningRateTooHigh
from unstuck.rules.optimisation.learning_rate_too_low import LearningRateTooLow
from unstuck.testing.rules import outcome, record

STEPS = 200
PARAMETERS = (
    Parameter(name="base", shape=(90, 60), role="weight", trainable=False, optimized=False, fresh=False),
    Parameter(name="up", shape=(90, 2), role="weight"),
    Parameter(name="down", shape=(2, 60), role="weight", fresh=True),
)
CLASSES = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(32, 10)),
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)


def adapted(folder: Path, *, size: float, losses: Sequence[float], ratio: float) -> Run:
    """A training of one adapter whose product grows to a size, at a ratio of the update of its other factor."""
    grown = (size * np.linspace(0.05, 1.0, STEPS)).tolist()
    columns = {
        signals.ADAPTER_SIZE: {"base": math.nan, "up": grown, "down": math.nan},
        signals.UPDATE_NORM: {"base": 0.0, "up": 0.01, "down": ratio},
        signals.WEIGHT_NORM: {"base": 8.0, "up": 1.0, "down": 1.0},
        signals.UPDATE_RATIO: {"base": 0.0, "up": 0.01, "down": ratio},
    }
    tables = {
        signal: {name: value if isinstance(value, list) else [value] * STEPS for name, value in table.items()}
        for signal, table in columns.items()
    }
    facts = (Model(type="Net", parameters=PARAMETERS), Adapter(zero="up", other="down", frozen="base"), CLASSES)
    return record(folder, series={signals.LOSS: losses}, tables=tables, facts=facts)


def falls(start: float, end: float) -> list[float]:
    return (end + (start - end) * np.exp(-np.linspace(0, 6, STEPS))).tolist()


@pytest.mark.parametrize(("size", "found"), [(1e-3, 1), (0.6, 0)])
def test_products_that_stay_small_are_those_of_a_rate_too_low(tmp_path: Path, size: float, found: int) -> None:
    run = adapted(tmp_path, size=size, losses=np.linspace(4.0, 3.9, STEPS).tolist(), ratio=0.01)
    findings = outcome(LearningRateTooLow(), run)
    assert len(findings) == found, "whatever the other factor does"
    for finding in findings:
        assert "the products of the adapters 0.001 times as large" in finding.summary
        assert finding.evidence[0].signal == "adapter_size"


@pytest.mark.parametrize(("size", "found"), [(32.0, 1), (8.0, 0), (0.6, 0)])
def test_products_that_drown_the_weights_are_those_of_a_rate_too_high(tmp_path: Path, size: float, found: int) -> None:
    findings = outcome(LearningRateTooHigh(), adapted(tmp_path, size=size, losses=falls(2.6, 1.0), ratio=0.01))
    assert len(findings) == found
    for finding in findings:
        assert "the products of the adapters 3" in finding.summary
        assert finding.evidence[1].signal == "adapter_size"


@pytest.mark.parametrize("size", [0.05, 32.0])
def test_adapters_that_learn_well_are_left_alone(tmp_path: Path, size: float) -> None:
    run = adapted(tmp_path, size=size, losses=falls(2.6, 0.05), ratio=0.01)
    assert outcome(LearningRateTooHigh(), run) == outcome(LearningRateTooLow(), run) == []
