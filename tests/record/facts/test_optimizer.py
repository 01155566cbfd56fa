"""The optimizer, its schedule, and the parameters that none holds, as runs keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unstuck.record import facts
from unstuck.record.facts import optimizer

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    (
        "optimizer",
        {
            "type": "Adam",
            "groups": [
                {
                    "parameters": 2,
                    "learning_rate": 0.001,
                    "weight_decay": 0.1,
                    "momentum": 0.9,
                    "betas": [0.9, 0.999],
                    "epsilon": 1e-08,
                    "initial_rate": 0.01,
                }
            ],
            "number": 1,
            "after": [0],
            "file": "t.py",
            "line": 3,
        },
        facts.Optimizer(
            type="Adam",
            groups=(
                facts.ParameterGroup(
                    parameters=2,
                    learning_rate=0.001,
                    weight_decay=0.1,
                    momentum=0.9,
                    betas=(0.9, 0.999),
                    epsilon=1e-08,
                    initial_rate=0.01,
                ),
            ),
            number=1,
            after=(0,),
            file="t.py",
            line=3,
        ),
    ),
    (
        "first_curvature",
        {"along_gradient": 12.5},
        facts.FirstCurvature(along_gradient=12.5),
    ),
    (
        "schedule",
        {
            "type": "OneCycleLR",
            "per": "epoch",
            "steps": 4,
            "updates": 400,
            "before_update": True,
            "base_rate": 0.1,
            "stale": 2,
            "file": "t.py",
            "line": 9,
        },
        facts.Schedule(
            type="OneCycleLR",
            per="epoch",
            steps=4,
            updates=400,
            before_update=True,
            base_rate=0.1,
            stale=2,
            file="t.py",
            line=9,
        ),
    ),
    (
        "unoptimized_parameters",
        {
            "step": 8,
            "since": 0,
            "unchanged": [
                {"name": "body.weight", "shape": [9, 4], "fresh": True},
                {"name": "", "shape": [9], "fresh": None},
            ],
            "reached": 4,
            "held": 2,
            "unused": [[9, 4]],
            "compared": True,
        },
        facts.UnoptimizedParameters(
            step=8,
            since=0,
            unchanged=(
                facts.UnoptimizedParameter(name="body.weight", shape=(9, 4), fresh=True),
                facts.UnoptimizedParameter(name="", shape=(9,), fresh=None),
            ),
            reached=4,
            held=2,
            unused=((9, 4),),
            compared=True,
        ),
    ),
    (
        "misplaced_optimizer",
        {"step": 8, "since": 1, "unchanged": [{"name": "actor.weight", "shape": [9, 4], "fresh": True}], "others": [2]},
        facts.MisplacedOptimizer(
            step=8,
            since=1,
            unchanged=(facts.UnoptimizedParameter(name="actor.weight", shape=(9, 4), fresh=True),),
            others=(2,),
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
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == optimizer.__name__
    ]


def test_a_method_without_a_constant_has_none(read: Read) -> None:
    optimizer = read("optimizer", {"type": "SGD", "groups": [{"parameters": 2, "learning_rate": 0.1}]})
    (group,) = optimizer.groups
    assert (group.learning_rate, group.momentum, group.betas) == (0.1, None, None)
