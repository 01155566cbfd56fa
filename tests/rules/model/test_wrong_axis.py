from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import (
    Contraction,
    Fact,
    Inputs,
    Loss,
    LossClasses,
    LossOutput,
    LossTarget,
    Model,
    Normalisation,
    OutputSoftmax,
    Reinterpretation,
    Softmax,
)
from unstuck.rules import judge
from unstuck.rules.model.wrong_axis import WrongAxis
from unstuck.testing.rules import RuleContract, outcome, record

MODEL = Model(type="Net")
TABLE = Inputs(shape=(48, 64), kind_of="table", examples=480, minimum=0.0, maximum=1.0)
DIGITS = Loss(
    function="nll_loss",
    output=LossOutput(
        shape=(48, 10), operation="LogSoftmax", maximum=-0.01, softmax=OutputSoftmax(axis=1, shape=(48, 10))
    ),
    target=LossTarget(shape=(48,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
    file="train.py",
    line=7,
)
TAGS = replace(
    DIGITS,
    function="cross_entropy",
    output=replace(DIGITS.output, shape=(48, 10, 10), operation="Addmm", softmax=None),
    target=replace(DIGITS.target, shape=(48, 10)),
)
FLAT = np.full(100, 2.3)


def seen(folder: Path, *facts: Fact, loss: np.ndarray = FLAT) -> Run:
    return record(folder, series={signals.LOSS: loss}, facts=(MODEL, TABLE, *facts))


class TestContract(RuleContract):
    rule = WrongAxis()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return seen(
            tmp_path / "sick",
            replace(DIGITS, output=replace(DIGITS.output, softmax=OutputSoftmax(axis=0, shape=DIGITS.output.shape))),
        )

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "healthy", DIGITS)


@pytest.mark.parametrize(
    "fact",
    [
        replace(DIGITS, output=replace(DIGITS.output, softmax=OutputSoftmax(axis=0, shape=DIGITS.output.shape))),
        TAGS,
        Softmax(where="head", axis=0, shape=(48, 10)),
        Normalisation(where="head", function="normalize", axis=0, shape=(48, 32)),
        Reinterpretation(where="", before=(48, 20, 10), after=(48, 10, 20), function="view"),
    ],
    ids=["log_softmax", "loss", "softmax inside", "normalize", "view"],
)
def test_a_wrong_axis_is_the_first_finding(tmp_path: Path, fact: Fact) -> None:
    with seen(tmp_path / "a", fact) as run:
        first = judge(run).findings[0]
    assert (first.code, first.cause, first.severity) == ("M302", "wrong-axis", "error")


@pytest.mark.parametrize(
    "fact",
    [
        replace(TAGS, output=replace(TAGS.output, transposed=True)),
        replace(TAGS, output=replace(TAGS.output, operation="Convolution")),
        replace(TAGS, output=replace(TAGS.output, shape=(48, 10, 12)), target=replace(TAGS.target, shape=(48, 12))),
        replace(DIGITS, output=replace(DIGITS.output, shape=(48, 48), softmax=OutputSoftmax(axis=0, shape=(48, 48)))),
        Softmax(where="attention", axis=0, shape=(17, 1)),
        Softmax(where="attention", axis=0, shape=(48, 48)),
        Softmax(where="attention", axis=3, shape=(48, 4, 10, 10)),
    ],
    ids=["transposed", "convolution", "other lengths", "square", "a bag", "pairs", "attention"],
)
def test_axes_that_are_right_or_meant_are_silent(tmp_path: Path, fact: Fact) -> None:
    with seen(tmp_path / "a", fact) as run:
        assert outcome(WrongAxis(), run) == []


FLATTENED = replace(
    DIGITS,
    output=replace(DIGITS.output, shape=(480, 10), softmax=OutputSoftmax(axis=1, shape=(48, 10, 10), class_axis=2)),
    target=replace(DIGITS.target, shape=(480,)),
)


def test_the_axis_of_the_classes_is_known_past_a_flattening(tmp_path: Path) -> None:
    """Tags of (N, T, C) that are flattened to (N T, C): of the softmax the classes are the third axis."""
    with (
        seen(tmp_path / "sick", FLATTENED) as sick,
        seen(
            tmp_path / "b",
            replace(FLATTENED, output=replace(FLATTENED.output, softmax=replace(FLATTENED.output.softmax, axis=2))),
        ) as well,
    ):
        (found,) = outcome(WrongAxis(), sick)
        assert (found.severity, found.where.line) == ("error", 7)
        assert outcome(WrongAxis(), well) == []


SELF_ATTENTION = Contraction(axis=1, contracted=3, shape=(48, 4, 10, 10), among_themselves=True)


@pytest.mark.parametrize(
    "fact", [SELF_ATTENTION, replace(SELF_ATTENTION, axis=2), Contraction(axis=2, contracted=1, shape=(48, 40, 1))]
)
def test_weights_of_an_attention_over_another_axis_than_their_sum(tmp_path: Path, fact: Contraction) -> None:
    place = Softmax(where="attention", axis=fact.axis, shape=fact.shape, file="train.py", line=5)
    with seen(tmp_path / "sick", fact, place) as run:
        (found,) = outcome(WrongAxis(), run)
    assert (found.severity, found.where.module, found.where.line) == ("error", "attention", 5)
    assert f"dim={fact.contracted}" in found.advice


@pytest.mark.parametrize(
    "fact",
    [
        replace(SELF_ATTENTION, axis=3),
        Contraction(axis=2, contracted=1, shape=(48, 40, 8)),
        Contraction(axis=1, contracted=1, shape=(48, 40, 1)),
        Contraction(axis=1, contracted=2, shape=(48, 7, 40)),
    ],
    ids=["over the keys", "soft assignment to clusters", "pooling", "slots"],
)
def test_weights_over_what_they_sum_and_soft_assignments_are_silent(tmp_path: Path, fact: Contraction) -> None:
    with seen(tmp_path / "a", fact) as run:
        assert outcome(WrongAxis(), run) == []


def test_a_softmax_along_the_width_of_maps_that_the_model_puts_out(tmp_path: Path) -> None:
    over_width = Softmax(where="", axis=3, shape=(48, 3, 24, 24), of_output=True, file="dice.py", line=9)
    (finding,) = outcome(WrongAxis(), seen(tmp_path / "width", over_width))
    assert (finding.severity, str(finding.where)) == ("error", "dice.py:9")
    for number, fine in enumerate((replace(over_width, axis=1), replace(over_width, of_output=False))):
        assert outcome(WrongAxis(), seen(tmp_path / str(number), fine)) == []


def test_where_nothing_was_seen_as_in_compiled_code_no_tick_is_earned(tmp_path: Path) -> None:
    (left,) = WrongAxis().check(record(tmp_path, series={signals.LOSS: FLAT}, facts=(MODEL,)))
    assert isinstance(left, NotEvaluated)
