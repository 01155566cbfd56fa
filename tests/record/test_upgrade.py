"""Runs of earlier releases are understood: their facts, as they were recorded, are read in today's form."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from unstuck.record import Run, RunWriter, facts
from unstuck.record.database import run_file
from unstuck.record.upgrade import FORMER_KINDS, stored_kinds, upgraded

SOFTMAX = """{"function": "cross_entropy", "reduction": "mean", "output_shape": [6, 3], "target_shape": [6],
"target_type": "class", "classes": 3, "class_counts": [12, 8, 4], "class_recalls": [1.0, 0.0, NaN], "class_weights":
[3.0, 2.0, 0.0], "target_mean": null, "target_variance": null, "target_minimum": 0.0, "target_maximum": 2.0,
"target_distinct": null, "target_integers": null, "target_row_sums": null, "output_minimum": 1.0, "output_maximum":
1.0, "output_op": "Softmax", "output_op_axis": 2, "output_op_shape": [6, 3, 1], "output_class_axis": 1,
"output_transposed": true, "weighted": true, "label_smoothing": 0.1, "file": "train.py", "line": 18}"""

REGRESSION = """{"function": "mse_loss", "reduction": "sum", "output_shape": [6, 3], "target_shape": [6, 3],
"target_type": "real", "classes": null, "class_counts": [], "class_recalls": [], "class_weights": [], "target_mean":
-0.25, "target_variance": 0.75, "target_minimum": -2.25, "target_maximum": 1.25, "target_distinct": 17,
"target_integers": false, "target_row_sums": [-2.5, 1.5], "output_minimum": -1.0, "output_maximum": 0.5,
"output_op": "Tanh", "output_op_axis": null, "output_op_shape": [], "output_class_axis": null, "output_transposed":
false, "weighted": false, "label_smoothing": 0.0, "file": "train.py", "line": 19}"""

DROPPING = """{"where": "head", "function": "dropout", "at_work_in_evaluation": 12, "at_work_in_training": 0,
"idle": 3, "told": false, "file": "train.py", "line": 9}"""

STRANGERS = """{"step": 8, "since": 0, "unchanged": [{"name": "body.weight", "shape": [99, 99], "fresh": false},
{"name": "body.bias", "shape": [99], "fresh": null}], "reached": 4, "held": 2}"""

DRAW = """{"where": "head", "file": "vae.py", "line": 7}"""


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A run that an earlier release has recorded."""
    RunWriter(tmp_path).close()
    rows = [("loss", SOFTMAX), ("loss", REGRESSION), ("dropping", DROPPING), ("strangers", STRANGERS), ("draw", DRAW)]
    with sqlite3.connect(run_file(tmp_path)) as connection:
        connection.executemany("INSERT INTO facts (stream, kind, value) VALUES (0, ?, ?)", rows)
    connection.close()
    return tmp_path


def test_a_flat_loss_is_taken_apart(recorded: Path) -> None:
    with Run.open(recorded) as run:
        softmax, regression = run.facts(facts.Loss)
    assert softmax.output == facts.LossOutput(
        shape=(6, 3),
        minimum=1.0,
        maximum=1.0,
        operation="Softmax",
        softmax=facts.OutputSoftmax(axis=2, shape=(6, 3, 1), class_axis=1),
        transposed=True,
        reach=facts.OutputReach(operation="Softmax", lowest=0.0, highest=1.0),
    )
    assert softmax.target == facts.LossTarget(shape=(6,), type="class", minimum=0.0, maximum=2.0)
    assert (softmax.classes.number, softmax.classes.counts) == (3, (12, 8, 4))
    assert str(softmax.classes.recalls) == "(1.0, 0.0, nan)"
    assert softmax.classes.recall_examples == (3.0, 2.0, 0.0)
    assert (softmax.weighted, softmax.label_smoothing, softmax.file, softmax.line) == (True, 0.1, "train.py", 18)
    assert regression == facts.Loss(
        function="mse_loss",
        reduction="sum",
        output=facts.LossOutput(
            shape=(6, 3),
            minimum=-1.0,
            maximum=0.5,
            operation="Tanh",
            reach=facts.OutputReach(operation="Tanh", lowest=-1.0, highest=1.0),
        ),
        target=facts.LossTarget(
            shape=(6, 3),
            type="real",
            mean=-0.25,
            variance=0.75,
            minimum=-2.25,
            maximum=1.25,
            distinct=17,
            integers=False,
            row_sums=(-2.5, 1.5),
        ),
        file="train.py",
        line=19,
    )


def test_renamed_facts_are_found_under_their_earlier_kinds(recorded: Path) -> None:
    with Run.open(recorded) as run:
        assert run.facts(facts.FunctionalDropout) == (
            facts.FunctionalDropout(
                where="head", function="dropout", at_work_in_evaluation=12, idle=3, file="train.py", line=9
            ),
        )
        assert run.facts(facts.UnoptimizedParameters) == (
            facts.UnoptimizedParameters(
                step=8,
                since=0,
                unchanged=(
                    facts.UnoptimizedParameter(name="body.weight", shape=(99, 99), fresh=False),
                    facts.UnoptimizedParameter(name="body.bias", shape=(99,)),
                ),
                reached=4,
                held=2,
            ),
        )
        assert run.facts(facts.NonDifferentiableSample) == (
            facts.NonDifferentiableSample(where="head", file="vae.py", line=7),
        )


def test_an_earlier_kind_is_not_taken_by_another_fact() -> None:
    assert not set(facts.KINDS) & {former for names in FORMER_KINDS.values() for former in names}
    assert set(FORMER_KINDS) <= set(facts.KINDS)


def test_a_kind_that_was_never_renamed_has_one_name() -> None:
    assert set(stored_kinds("loss")) == {"loss"}


def test_a_flat_loss_from_before_some_fields_were_known() -> None:
    """The first releases recorded the axis of the softmax, and not yet the shape of its result: that of the outputs."""
    flat = '{"function": "nll_loss", "output_shape": [6, 3], "output_op": "LogSoftmax", "output_op_axis": 0}'
    assert upgraded("loss", json.loads(flat)) == {
        "function": "nll_loss",
        "output": {"shape": [6, 3], "operation": "LogSoftmax", "softmax": {"axis": 0, "shape": [6, 3]}},
    }


@pytest.mark.parametrize(
    ("operation", "reach"),
    [("Relu", {"operation": "Relu", "lowest": 0.0}), ("Addmm", None)],
)
def test_what_outputs_could_be_follows_from_the_operation(operation: str, reach: object) -> None:
    output = upgraded("loss", {"function": "mse_loss", "output": {"operation": operation}})["output"]
    assert output.get("reach") == reach


@pytest.mark.parametrize(
    "values",
    [
        {"function": None},
        {"function": "mse_loss", "classes": {"number": 3}},
        {"function": "mse_loss", "output": {"operation": "Tanh", "reach": None}},
        {"function": "mse_loss", "output": [], "output_shape": [6, 3]},  # damaged: the reader's affair
    ],
)
def test_a_loss_of_today_is_left_as_it_is(values: dict[str, object]) -> None:
    assert upgraded("loss", values) is values


def test_other_facts_may_have_fields_of_the_same_names() -> None:
    values = {"name": "digits", "classes": 10}
    assert upgraded("data", values) is values
