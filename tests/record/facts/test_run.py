"""The course of a training, as runs keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unstuck.record import facts
from unstuck.record.facts import run

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    ("recipe", {"text": "[model]"}, facts.Recipe(text="[model]")),
    (
        "environment",
        {"unstuck": "0.1.0", "python": "3.11.2", "torch": "2.13.0", "device": "cpu", "platform": "Linux"},
        facts.Environment(unstuck="0.1.0", python="3.11.2", torch="2.13.0", device="cpu", platform="Linux"),
    ),
    (
        "invocation",
        {
            "target": "train.py",
            "module": False,
            "args": ["--lr", "1"],
            "folder": "/home/me",
            "interpreter": "/usr/bin/python3",
            "variables": ["HOME"],
            "stdin": "file",
            "stdin_file": "/home/me/in.txt",
            "sources": ["/home/me/train.py"],
            "digests": ["00ff"],
        },
        facts.Invocation(
            target="train.py",
            args=("--lr", "1"),
            folder="/home/me",
            interpreter="/usr/bin/python3",
            variables=("HOME",),
            stdin="file",
            stdin_file="/home/me/in.txt",
            sources=("/home/me/train.py",),
            digests=("00ff",),
        ),
    ),
    (
        "training",
        {"epochs": 10, "steps_per_epoch": 45, "patience": 3, "l1": 1e-05, "l2": 0.0001},
        facts.Training(epochs=10, steps_per_epoch=45, patience=3, l1=1e-05, l2=0.0001),
    ),
    (
        "passes",
        {"updates": 50, "forward": 50, "backward": 60, "lost": 10, "used": 2, "unmoved": True},
        facts.Passes(updates=50, forward=50, backward=60, lost=10, used=2, unmoved=True),
    ),
    (
        "event",
        {"step": 7, "what": "the optimizer skipped a step", "blinds": True},
        facts.Event(step=7, what="the optimizer skipped a step", blinds=True),
    ),
    (
        "unread",
        {"step": 3, "collector": "Inputs", "signals": ["input_mean"], "error": "RuntimeError: no"},
        facts.Unread(step=3, collector="Inputs", signals=("input_mean",), error="RuntimeError: no"),
    ),
    (
        "non_finite",
        {
            "step": 3,
            "what": "loss",
            "where": "log",
            "count": 2,
            "examples": [1, 2],
            "suspects": ["sqrt"],
            "file": "t.py",
            "line": 6,
            "ignored": -100,
        },
        facts.NonFinite(
            step=3,
            what="loss",
            where="log",
            count=2,
            examples=(1, 2),
            suspects=("sqrt",),
            file="t.py",
            line=6,
            ignored=-100,
        ),
    ),
    (
        "end",
        {"reason": "crashed", "steps": 3, "message": "ValueError: no", "backward_passes": 9, "unrecorded": 6},
        facts.End(reason="crashed", steps=3, message="ValueError: no", backward_passes=9, unrecorded=6),
    ),
    ("span", {"began": 0.5, "ended": 21.5, "thread": 140}, facts.Span(began=0.5, ended=21.5, thread=140)),
    (
        "unwatched",
        {"trainings": 24, "reason": "the time budget was used up"},
        facts.Unwatched(trainings=24, reason="the time budget was used up"),
    ),
    (
        "cost",
        {"seconds": 0.5, "training_seconds": 21.0, "sampled_steps": 180, "steps": 900},
        facts.Cost(seconds=0.5, training_seconds=21.0, sampled_steps=180, steps=900),
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
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == run.__name__
    ]


def test_a_training_without_a_plan(read: Read) -> None:
    assert read("training", {}) == facts.Training(epochs=None, steps_per_epoch=None, patience=None, l1=0.0, l2=0.0)


def test_an_end_of_which_no_backward_passes_were_counted(read: Read) -> None:
    end = read("end", {"reason": "completed", "steps": 900})
    assert (end.backward_passes, end.unrecorded) == (None, 0)
