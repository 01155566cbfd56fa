"""Evaluations, as runs keep what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, RunWriter, facts
from unstuck.record.facts import evaluation

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    (
        "overlap",
        {"evaluated": 100, "seen_in_training": 40, "trained": 900, "purpose": "validation", "file": "t.py", "line": 30},
        facts.Overlap(evaluated=100, seen_in_training=40, trained=900, purpose="validation", file="t.py", line=30),
    ),
    (
        "shift",
        {
            "trained": 512,
            "evaluated": 128,
            "distance": 1.5,
            "spread": 0.25,
            "whole": 1.0,
            "whole_evaluated": 0.125,
            "cut": 0.5,
        },
        facts.Shift(trained=512, evaluated=128, distance=1.5, spread=0.25, whole=1.0, whole_evaluated=0.125, cut=0.5),
    ),
    (
        "evaluated_association",
        {"met": 400, "examples": 300, "neighbours": 0.5, "linear": 0.25, "explained": 0.0, "told": 0.1},
        facts.EvaluatedAssociation(met=400, examples=300, neighbours=0.5, linear=0.25, explained=0.0, told=0.1),
    ),
    (
        "evaluated_loss",
        {
            "function": "mse_loss",
            "shape": [500, 784],
            "reduction": "sum",
            "weighted": True,
            "label_smoothing": 0.1,
            "variance": 0.5,
            "output_variance": 0.25,
        },
        facts.EvaluatedLoss(
            function="mse_loss",
            shape=(500, 784),
            reduction="sum",
            weighted=True,
            label_smoothing=0.1,
            variance=0.5,
            output_variance=0.25,
        ),
    ),
    (
        "predictions",
        {"step": 294, "examples": 450, "distinct": 440, "trained": 3, "predicted": 450},
        facts.Predictions(step=294, examples=450, distinct=440, trained=3, predicted=450),
    ),
    (
        "windows_shared",
        {"evaluated": 787, "inside": 780, "trained": 3053, "branching": 0.01, "length": 32, "purpose": "validation"},
        facts.WindowsShared(evaluated=787, inside=780, trained=3053, branching=0.01, length=32, purpose="validation"),
    ),
    (
        "continued",
        {"lengths": [8, 12], "sequences": [1, 3]},
        facts.Continued(lengths=(8, 12), sequences=(1, 3)),
    ),
    (
        "prompt_ends",
        {"ids": [3, 0], "passes": [12, 1]},
        facts.PromptEnds(ids=(3, 0), passes=(12, 1)),
    ),
    (
        "functional_dropout",
        {
            "where": "head",
            "function": "dropout",
            "at_work_in_evaluation": 12,
            "at_work_in_training": 2,
            "idle": 3,
            "told": True,
            "file": "t.py",
            "line": 9,
        },
        facts.FunctionalDropout(
            where="head",
            function="dropout",
            at_work_in_evaluation=12,
            at_work_in_training=2,
            idle=3,
            told=True,
            file="t.py",
            line=9,
        ),
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
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == evaluation.__name__
    ]


def test_pairs_from_evaluations_are_not_taken_for_those_of_the_training(tmp_path: Path) -> None:
    pairs = {"met": 400, "examples": 300, "neighbours": 8.5, "linear": 4.0}
    with RunWriter(tmp_path) as writer:
        writer.state(facts.EvaluatedAssociation(**pairs))
    with Run.open(tmp_path) as run:
        assert run.fact(facts.Association) is None
        assert run.knows(facts.EvaluatedAssociation)
