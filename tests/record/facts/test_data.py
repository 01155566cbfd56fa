"""The data, as runs keep what is known of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from unstuck.record import facts
from unstuck.record.facts import data

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    (
        "data",
        {
            "name": "digits",
            "task": "classification",
            "train": 1437,
            "validation": 180,
            "test": 180,
            "features": [1, 8, 8],
            "classes": 10,
        },
        facts.Data(
            name="digits", task="classification", train=1437, validation=180, test=180, features=(1, 8, 8), classes=10
        ),
    ),
    (
        "loader",
        {"number": 1, "begun": 3, "updates": 120, "batches": 40, "examples": 1280, "order": "random"},
        facts.Loader(number=1, begun=3, updates=120, batches=40, examples=1280, order="random"),
    ),
    (
        "alike_batches",
        {"batches": 18, "examples": 125, "ratio": 5.5, "file": "train.py", "line": 46},
        facts.AlikeBatches(batches=18, examples=125, ratio=5.5, file="train.py", line=46),
    ),
    (
        "inputs",
        {
            "shape": [8, 3],
            "kind_of": "table",
            "examples": 80,
            "minimum": -1.0,
            "maximum": 2.0,
            "feature_means": [0.5, 0.0, 0.25],
            "feature_stds": [1.0, 2.0, 0.5],
            "first_layer": 0.9,
            "joined_means": [0.5, 500.0],
            "joined_stds": [1.0, 290.0],
            "levels": 12,
            "correlated": 3.5,
        },
        facts.Inputs(
            shape=(8, 3),
            kind_of="table",
            examples=80,
            minimum=-1.0,
            maximum=2.0,
            feature_means=(0.5, 0.0, 0.25),
            feature_stds=(1.0, 2.0, 0.5),
            first_layer=0.9,
            joined_means=(0.5, 500.0),
            joined_stds=(1.0, 290.0),
            levels=12,
            correlated=3.5,
        ),
    ),
    (
        "association",
        {
            "met": 400,
            "examples": 300,
            "neighbours": 8.5,
            "linear": 4.0,
            "explained": 0.6,
            "told": 0.9,
            "numbers": 6,
            "parts": 2,
        },
        facts.Association(
            met=400, examples=300, neighbours=8.5, linear=4.0, explained=0.6, told=0.9, numbers=6, parts=2
        ),
    ),
    (
        "example_order",
        {"step": 3, "examples": 32, "output": 5, "target": 16, "file": "train.py", "line": 40},
        facts.ExampleOrder(step=3, examples=32, output=5, target=16, file="train.py", line=40),
    ),
    (
        "targets_again",
        {"again": 96, "same": 0.25, "chance": 0.3, "by_length": 0.5, "file": "train.py", "line": 40},
        facts.TargetsAgain(again=96, same=0.25, chance=0.3, by_length=0.5, file="train.py", line=40),
    ),
    (
        "target_code",
        {
            "targets": 512,
            "only": 4,
            "ids": 40,
            "explained": 0.75,
            "renamed": 0.5,
            "by_own": 0.125,
            "file": "train.py",
            "line": 40,
        },
        facts.TargetCode(
            targets=512, only=4, ids=40, explained=0.75, renamed=0.5, by_own=0.125, file="train.py", line=40
        ),
    ),
    (
        "unpaired",
        {"reason": "more than one batch enters the model for a loss"},
        facts.Unpaired(reason="more than one batch enters the model for a loss"),
    ),
    (
        "thrown_batch",
        {
            "step": 499,
            "loss": 6e5,
            "level": 0.25,
            "tensors": [
                {
                    "what": "target",
                    "place": "MseLoss, 1 columns",
                    "shape": [64, 1],
                    "largest": 1900.0,
                    "usual": 11.0,
                    "spread": 0.15,
                    "high": 14.0,
                    "later": 10.5,
                    "seen": 40,
                    "rows": 2,
                    "first_rows": [3, 60],
                }
            ],
        },
        facts.ThrownBatch(
            step=499,
            loss=6e5,
            level=0.25,
            tensors=(
                facts.ThrownTensor(
                    what="target",
                    place="MseLoss, 1 columns",
                    shape=(64, 1),
                    largest=1900.0,
                    usual=11.0,
                    spread=0.15,
                    high=14.0,
                    later=10.5,
                    seen=40,
                    rows=2,
                    first_rows=(3, 60),
                ),
            ),
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
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == data.__name__
    ]


def test_an_association_without_classes_says_so(read: Read) -> None:
    pairs = read("association", {"met": 400, "examples": 300, "neighbours": 8.5, "linear": 4.0})
    assert pairs.told is None
    assert math.isnan(pairs.explained)
