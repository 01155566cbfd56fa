"""The loss, as runs keep what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unstuck.record import facts
from unstuck.record.facts import loss

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    (
        "loss",
        {
            "function": "nll_loss",
            "reduction": "sum",
            "weighted": True,
            "label_smoothing": 0.1,
            "output": {
                "shape": [6, 3],
                "minimum": -3.5,
                "maximum": -0.5,
                "operation": "LogSoftmax",
                "softmax": {"axis": 0, "shape": [6, 3], "class_axis": 1},
                "transposed": True,
                "reach": {"operation": "Elu", "lowest": -1.0, "highest": 2.0, "slope": 0.5},
            },
            "target": {
                "shape": [6],
                "type": "class",
                "mean": 1.0,
                "variance": 0.5,
                "minimum": 0.0,
                "maximum": 2.0,
                "distinct": 3,
                "integers": True,
                "row_sums": [1.0, 1.0],
                "each": {
                    "outputs": 6,
                    "examples": 24.0,
                    "variance": 0.5,
                    "deviation": 0.25,
                    "mean_entropy": 0.75,
                    "entropy": 0.125,
                },
            },
            "classes": {
                "number": 3,
                "counts": [12, 8, 4],
                "recalls": [0.25, 1.0, 0.0],
                "recall_examples": [3.0, 2.0, 1.0],
                "weights": [1.0, 2.0, 0.5],
            },
            "late": {"value": 1.5, "error": 0.125, "samples": 16.0},
            "file": "t.py",
            "line": 14,
        },
        facts.Loss(
            function="nll_loss",
            reduction="sum",
            weighted=True,
            label_smoothing=0.1,
            output=facts.LossOutput(
                shape=(6, 3),
                minimum=-3.5,
                maximum=-0.5,
                operation="LogSoftmax",
                softmax=facts.OutputSoftmax(axis=0, shape=(6, 3), class_axis=1),
                transposed=True,
                reach=facts.OutputReach(operation="Elu", lowest=-1.0, highest=2.0, slope=0.5),
            ),
            target=facts.LossTarget(
                shape=(6,),
                type="class",
                mean=1.0,
                variance=0.5,
                minimum=0.0,
                maximum=2.0,
                distinct=3,
                integers=True,
                row_sums=(1.0, 1.0),
                each=facts.TargetOutputs(
                    outputs=6, examples=24.0, variance=0.5, deviation=0.25, mean_entropy=0.75, entropy=0.125
                ),
            ),
            classes=facts.LossClasses(
                number=3,
                counts=(12, 8, 4),
                recalls=(0.25, 1.0, 0.0),
                recall_examples=(3.0, 2.0, 1.0),
                weights=(1.0, 2.0, 0.5),
            ),
            late=facts.LateLoss(value=1.5, error=0.125, samples=16.0),
            file="t.py",
            line=14,
        ),
    ),
    (
        "broadcast",
        {"step": 1, "first": [32, 1], "second": [32], "result": [32, 32], "function": "sub", "file": "t.py", "line": 8},
        facts.Broadcast(step=1, first=(32, 1), second=(32,), result=(32, 32), function="sub", file="t.py", line=8),
    ),
    (
        "initial_loss",
        {"value": 2.25, "expected": 2.5, "tolerance": 0.5, "formula": "ln C, C = 12", "examples": 32},
        facts.InitialLoss(value=2.25, expected=2.5, tolerance=0.5, formula="ln C, C = 12", examples=32),
    ),
    (
        "loss_terms",
        {
            "step": 3,
            "terms": [
                {"value": 2.5, "weighted": 0.25, "function": "l1_loss", "operation": "mul", "file": "t.py", "line": 9},
                {
                    "value": 4.0,
                    "weighted": 4.0,
                    "operation": "sum",
                    "shape": [32, 8],
                    "summed": 256,
                    "share": 1.0,
                },
            ],
        },
        facts.LossTerms(
            step=3,
            terms=(
                facts.LossTerm(value=2.5, weighted=0.25, function="l1_loss", operation="mul", file="t.py", line=9),
                facts.LossTerm(value=4.0, weighted=4.0, operation="sum", shape=(32, 8), summed=256, share=1.0),
            ),
        ),
    ),
    (
        "summed_examples",
        {"step": 3, "examples": 128, "weight": 64.0, "file": "flow.py", "line": 28},
        facts.SummedExamples(step=3, examples=128, weight=64.0, file="flow.py", line=28),
    ),
    (
        "target_offset",
        {"shares": [0.1, 0.1, 1.0, 0.1, 0.2, 0.1], "positions": 900, "dropped": 1, "file": "train.py", "line": 7},
        facts.TargetOffset(shares=(0.1, 0.1, 1.0, 0.1, 0.2, 0.1), positions=900, dropped=1, file="train.py", line=7),
    ),
]
"""Each kind as a run has it, and the fact that it stands for, with all fields set."""


@pytest.mark.parametrize(("kind", "values", "fact"), RECORDED, ids=[kind for kind, *_ in RECORDED])
def test_what_runs_hold_is_read(kind: str, values: dict[str, Any], fact: facts.Fact, read: Read) -> None:
    assert read(kind, values) == fact


@pytest.mark.parametrize("fact", [fact for *_, fact in RECORDED], ids=lambda fact: fact.kind)
def test_what_is_stated_comes_back(fact: facts.Fact, stored: Callable[[facts.Fact], facts.Fact]) -> None:
    assert stored(fact) == fact


def test_every_kind_of_the_module_is_here() -> None:
    assert [kind for kind, *_ in RECORDED] == [
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == loss.__name__
    ]


def test_a_loss_of_which_only_the_value_was_seen(read: Read) -> None:
    """Its parts are there, and empty, so that a rule may ask for them."""
    loss = read("loss", {"function": None})
    assert loss == facts.Loss(function=None)
    assert (loss.output.shape, loss.output.softmax, loss.target.type, loss.classes.number) == ((), None, "none", None)
