"""The axes that calls run over, as runs keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unstuck.record import facts
from unstuck.record.facts import axes

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    (
        "softmax",
        {"where": "attention", "axis": 1, "shape": [4, 8, 8], "of_output": True, "file": "t.py", "line": 3},
        facts.Softmax(where="attention", axis=1, shape=(4, 8, 8), of_output=True, file="t.py", line=3),
    ),
    (
        "normalisation",
        {"where": "head", "function": "normalize", "axis": 0, "shape": [32, 16], "file": "t.py", "line": 4},
        facts.Normalisation(where="head", function="normalize", axis=0, shape=(32, 16), file="t.py", line=4),
    ),
    (
        "contraction",
        {"axis": 1, "contracted": 2, "shape": [4, 8, 8], "among_themselves": True},
        facts.Contraction(axis=1, contracted=2, shape=(4, 8, 8), among_themselves=True),
    ),
    (
        "recurrence",
        {"where": "lstm", "type": "LSTM", "batch_first": True, "shape": [32, 8, 4]},
        facts.Recurrence(where="lstm", type="LSTM", batch_first=True, shape=(32, 8, 4)),
    ),
    (
        "reinterpretation",
        {"where": "encoder", "before": [32, 8, 4], "after": [32, 4, 8], "function": "view", "file": "t.py", "line": 5},
        facts.Reinterpretation(
            where="encoder", before=(32, 8, 4), after=(32, 4, 8), function="view", file="t.py", line=5
        ),
    ),
    (
        "batch_mixing",
        {"step": 1, "share": 0.25, "where": "norm", "along": [0.5, 0.25], "known_by": "positions", "examples": 64},
        facts.BatchMixing(step=1, share=0.25, where="norm", along=(0.5, 0.25), known_by="positions", examples=64),
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
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == axes.__name__
    ]


def test_a_softmax_is_inside_the_model_unless_it_is_said_otherwise(read: Read) -> None:
    assert not read("softmax", {"where": "", "axis": 0, "shape": [4, 8]}).of_output
