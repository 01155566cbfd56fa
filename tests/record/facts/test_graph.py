"""What the autograd graph shows, as runs keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unstuck.record import facts
from unstuck.record.facts import graph

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    (
        "graph",
        {
            "step": 2,
            "reached": ["fc.weight"],
            "unreached": ["body.weight"],
            "operations": ["NllLoss", "Addmm"],
            "custom_functions": [
                {
                    "name": "Sign",
                    "relative_error": 0.5,
                    "numerical_zero": True,
                    "identity": True,
                    "file": "t.py",
                    "line": 2,
                }
            ],
            "file": "t.py",
            "line": 7,
        },
        facts.Graph(
            step=2,
            reached=("fc.weight",),
            unreached=("body.weight",),
            operations=("NllLoss", "Addmm"),
            custom_functions=(
                facts.CustomFunction(
                    name="Sign", relative_error=0.5, numerical_zero=True, identity=True, file="t.py", line=2
                ),
            ),
            file="t.py",
            line=7,
        ),
    ),
    (
        "wiring",
        {
            "connections": [
                {"parameter": "fc.weight", "linear": ["body.weight"], "operations": ["Relu"], "inputs": True}
            ],
            "complete": False,
        },
        facts.Wiring(
            connections=(
                facts.Connection(parameter="fc.weight", linear=("body.weight",), operations=("Relu",), inputs=True),
            ),
            complete=False,
        ),
    ),
    (
        "detachment",
        {"where": "cell", "calls": 8, "cut": 7, "file": "t.py", "line": 4},
        facts.Detachment(where="cell", calls=8, cut=7, file="t.py", line=4),
    ),
    (
        "lost_branch",
        {"where": "time", "cut_by": "", "returned": False, "given_to": "block", "file": "t.py", "line": 4},
        facts.LostBranch(where="time", given_to="block", file="t.py", line=4),
    ),
    (
        "non_differentiable_sample",
        {"where": "decoder", "file": "vae.py", "line": 7},
        facts.NonDifferentiableSample(where="decoder", file="vae.py", line=7),
    ),
    (
        "critical_point",
        {"step": 1, "loss": 1.25, "gradient": 0.0, "least": -1.0, "greatest": 2.0, "dimensions": 2},
        facts.CriticalPoint(step=1, loss=1.25, gradient=0.0, least=-1.0, greatest=2.0, dimensions=2),
    ),
    (
        "lost_checkpoint",
        {"step": 4, "calls": 3, "file": "t.py", "line": 41},
        facts.LostCheckpoint(step=4, calls=3, file="t.py", line=41),
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
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == graph.__name__
    ]


def test_a_graph_without_functions_of_the_user(read: Read) -> None:
    assert read("graph", {"step": 0}) == facts.Graph(step=0, custom_functions=())
