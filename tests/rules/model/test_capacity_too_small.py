from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import (
    Connection,
    Inputs,
    Layer,
    Loss,
    LossClasses,
    LossOutput,
    LossTarget,
    Model,
    Parameter,
    Wiring,
)
from unstuck.rules.model.capacity_too_small import CapacityTooSmall
from unstuck.testing.rules import RuleContract, outcome, record

Wired = Callable[..., Run]
DIGITS = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(50, 10)),
    target=LossTarget(shape=(50,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)
SETTLED = 1.0 + 1.3 * np.exp(-np.linspace(0, 12, 200)) + 0.01 * np.sin(np.arange(200) * 1.7)
FALLING = 2.3 - np.linspace(0, 1.3, 200)


class TestContract(RuleContract):
    rule = CapacityTooSmall()

    @pytest.fixture
    def sick(self, wired: Wired) -> Run:
        return wired(((2, 64), (10, 2)), ("data", "Tanh"), DIGITS, loss=SETTLED)

    @pytest.fixture
    def healthy(self, wired: Wired) -> Run:
        return wired(((48, 64), (10, 48)), ("data", "Tanh"), DIGITS, loss=SETTLED)


@pytest.mark.parametrize("loss", [FALLING, np.geomspace(2.3, 0.05, 200), np.full(200, 2.3)])
def test_only_a_fall_that_ended_high_counts(wired: Wired, loss: Sequence[float]) -> None:
    assert outcome(CapacityTooSmall(), wired(((2, 64), (10, 2)), ("data", "Tanh"), DIGITS, loss=loss)) == []


@pytest.mark.parametrize(("code", "severities"), [(8, []), (2, ["note"])])
def test_the_middle_of_an_autoencoder_is_narrow_on_purpose(wired: Wired, code: int, severities: list[str]) -> None:
    inputs = Inputs(shape=(50, 64), kind_of="table", examples=1000, minimum=0.0, maximum=1.0)
    loss = Loss(
        function="mse_loss",
        output=LossOutput(shape=(50, 64)),
        target=LossTarget(shape=(50, 64), type="real", mean=0.0, variance=2.3),
    )
    shapes = ((32, 64), (code, 32), (32, code), (64, 32))
    run = wired(shapes, ("data", "Relu", "Relu", "Relu"), inputs, loss, loss=SETTLED)
    assert [finding.severity for finding in outcome(CapacityTooSmall(), run)] == severities


def test_few_channels_of_a_convolution_are_not_judged(wired: Wired) -> None:
    run = wired(((2, 1, 3, 3), (10, 72)), ("data", "Relu"), DIGITS, loss=SETTLED)
    assert outcome(CapacityTooSmall(), run) == []


def test_few_units_of_a_recurrent_layer(tmp_path: Path) -> None:
    def run(units: int) -> Run:
        shapes = {"gru.weight_ih_l0": (3 * units, 2), "gru.weight_hh_l0": (3 * units, units), "fc.weight": (8, units)}
        wires = [Connection(parameter=name, operations=("Tanh",)) for name in reversed(shapes)]
        parameters = tuple(Parameter(name=name, shape=shape, role="weight") for name, shape in shapes.items())
        inputs = Inputs(shape=(64, 24, 2), kind_of="sequence", examples=640, minimum=-1.0, maximum=1.0)
        known = (Model(type="Net", parameters=parameters), Wiring(connections=tuple(wires)), DIGITS, inputs)
        return record(tmp_path / f"{units}", series={signals.LOSS: SETTLED}, facts=known)

    (finding,) = outcome(CapacityTooSmall(), run(2))
    assert finding.where.parameter == "gru.weight_hh_l0"
    assert outcome(CapacityTooSmall(), run(32)) == []


def test_few_units_behind_few_inputs_are_worth_a_note(wired: Wired) -> None:
    few, many = (wired(((3, inputs), (10, 3)), ("data", "Tanh"), DIGITS, loss=SETTLED) for inputs in (4, 64))
    assert [finding.severity for finding in outcome(CapacityTooSmall(), few)] == ["note"]
    assert [finding.severity for finding in outcome(CapacityTooSmall(), many)] == ["warning"]


def test_a_loss_of_which_nobody_knows_the_floor_is_not_judged(wired: Wired) -> None:
    unknown = Loss(function=None, output=LossOutput(shape=(50, 10)))
    assert outcome(CapacityTooSmall(), wired(((2, 64), (10, 2)), ("data", "Tanh"), unknown, loss=SETTLED)) == []


@pytest.mark.parametrize(("frozen", "found"), [((48, 64), 0), ((64, 64), 1)], ids=["beside it", "before it"])
def test_a_branch_of_low_rank_is_no_bottleneck(tmp_path: Path, frozen: tuple[int, int], found: int) -> None:
    shapes = {"l.A.weight": (3, 64), "l.B.weight": (48, 3), "head.weight": (10, 48)}
    before = {"l.A.weight": (), "l.B.weight": ("l.A.weight",), "head.weight": ("l.B.weight",)}
    wires = tuple(Connection(parameter=name, before=before[name], operations=("Relu",)) for name in reversed(shapes))
    trained = tuple(Parameter(name=name, shape=shape, role="weight") for name, shape in shapes.items())
    base = Parameter(name="l.base.weight", shape=frozen, role="weight", trainable=False)
    layers = tuple(Layer(path=name.removesuffix(".weight"), type="Linear") for name in shapes)
    known = (Model(type="Net", parameters=(*trained, base), layers=layers), Wiring(connections=wires), DIGITS)
    run = record(tmp_path, series={signals.LOSS: SETTLED}, facts=known)
    assert len(outcome(CapacityTooSmall(), run)) == found
