from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import BatchMixing as Mixed
from unstuck.record.facts import (
    Fact,
    Inputs,
    Loss,
    LossClasses,
    LossOutput,
    LossTarget,
    Model,
    Recurrence,
    Reinterpretation,
    Softmax,
)
from unstuck.rules import judge
from unstuck.rules.model.batch_mixing import BatchMixing
from unstuck.testing.rules import RuleContract, outcome, record

MODEL = Model(type="Net")
SEQUENCES = Inputs(shape=(56, 8, 4), kind_of="sequence", examples=560, minimum=0.0, maximum=1.0)
DIGITS = Loss(
    function="cross_entropy",
    output=LossOutput(shape=(56, 10)),
    target=LossTarget(shape=(56,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)
WRONG = Recurrence(where="lstm", type="LSTM", batch_first=False, shape=(56, 8, 4))
FLAT = np.full(100, 2.3)


def seen(folder: Path, *facts: Fact, loss: np.ndarray = FLAT) -> Run:
    return record(folder, series={signals.LOSS: loss}, facts=(MODEL, *facts))


class TestContract(RuleContract):
    rule = BatchMixing()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "sick", SEQUENCES, DIGITS, Mixed(step=0, share=0.9))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return seen(tmp_path / "healthy", SEQUENCES, DIGITS, Mixed(step=0, share=0.0))


def test_a_recurrent_layer_that_takes_examples_for_moments(tmp_path: Path) -> None:
    with seen(tmp_path / "a", SEQUENCES, DIGITS, WRONG) as run:
        first = judge(run).findings[0]
    assert (first.code, first.severity, first.where.module) == ("M301", "error", "lstm")


def test_a_view_that_exchanges_examples_and_moments(tmp_path: Path) -> None:
    fact = Reinterpretation(where="", before=(56, 8, 4), after=(8, 56, 4), function="view", file="a.py", line=9)
    with seen(tmp_path / "a", SEQUENCES, DIGITS, fact) as run:
        first = judge(run).findings[0]
    assert (first.code, first.cause, str(first.where)) == ("M301", "batch-mixing", "a.py:9")


@pytest.mark.parametrize(
    "facts",
    [
        (SEQUENCES, DIGITS, replace(WRONG, batch_first=True)),
        (replace(SEQUENCES, shape=(8, 56, 4)), DIGITS, replace(WRONG, shape=(8, 56, 4))),
        (replace(SEQUENCES, shape=(56, 1, 4)), DIGITS, replace(WRONG, shape=(56, 1, 4)), Mixed(step=0, share=0.9)),
        (replace(SEQUENCES, shape=(56, 8), kind_of="ids"), DIGITS, Mixed(step=0, share=0.9),
         Softmax(where="attention", axis=1, shape=(56, 56))),
        (SEQUENCES, DIGITS, Reinterpretation(where="", before=(56, 8, 4), after=(56, 4, 8), function="view")),
    ],
    ids=["batch first", "time first", "one sequence", "attention over one sequence", "within an example"],
)  # fmt: skip
def test_what_reads_its_axes_rightly_is_silent(tmp_path: Path, facts: tuple[Fact, ...]) -> None:
    with seen(tmp_path / "a", *facts) as run:
        assert outcome(BatchMixing(), run) == []


def test_mixing_with_which_learning_is_good_is_a_note(tmp_path: Path) -> None:
    with seen(tmp_path / "a", DIGITS, Mixed(step=0, share=0.5), loss=np.geomspace(2.3, 0.02, 100)) as run:
        (finding,) = outcome(BatchMixing(), run)
    assert finding.severity == "note"


@pytest.mark.parametrize("known_by", ["positions", "loader"])
def test_what_tells_the_axes_apart_is_said(tmp_path: Path, known_by: str) -> None:
    attention = Softmax(where="attention", axis=1, shape=(64, 56, 56))
    fact = Mixed(step=0, share=0.5, along=(0.5,), known_by=known_by)
    with seen(tmp_path / "a", SEQUENCES, DIGITS, fact, attention) as run:
        (finding,) = outcome(BatchMixing(), run)
    assert (finding.severity, finding.confidence, known_by in finding.summary) == ("error", 0.92, True)


LEARNING = np.geomspace(2.3, 0.02, 100)


@pytest.mark.parametrize(
    ("along", "loss", "known_by", "fires"),
    [
        ((0.6, 0.0), FLAT, "", True),
        ((0.6, 0.0), LEARNING, "", False),
        ((0.0, 0.6), FLAT, "", False),
        ((0.05, 0.0), FLAT, "", False),
        ((0.0,), FLAT, "positions", False),
        ((0.0, 0.0), FLAT, "", False),
    ],
)
def test_where_the_axes_cannot_be_told_apart_mixing_along_the_first_may_explain(
    tmp_path: Path, along: tuple[float, ...], loss: np.ndarray, known_by: str, fires: bool
) -> None:
    fact = Mixed(step=0, share=min(along), along=along, known_by=known_by)
    with seen(tmp_path / "a", SEQUENCES, DIGITS, fact, loss=loss) as run:
        found = outcome(BatchMixing(), run)
    assert [(finding.severity, finding.confidence) for finding in found] == ([("warning", 0.6)] if fires else [])


@pytest.mark.parametrize(("examples", "fires"), [(56, True), (8, False), (None, False)])
def test_a_layer_that_reads_known_examples_as_moments_where_each_has_a_target(
    tmp_path: Path, examples: int | None, fires: bool
) -> None:
    """A layer that comes first mixes before any activation is seen."""
    each = replace(DIGITS, output=LossOutput(shape=(448, 10)), target=LossTarget(shape=(448,), type="class"))
    fact = Mixed(step=0, share=0.0, along=(0.0,), known_by="loader" if examples else "", examples=examples)
    with seen(tmp_path / "a", SEQUENCES, each, WRONG, fact) as run:
        found = outcome(BatchMixing(), run)
    assert [finding.where.module for finding in found] == (["lstm"] if fires else [])
