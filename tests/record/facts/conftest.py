"""Facts as a run keeps them: written by one process, read by another."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, RunWriter
from unstuck.record.database import run_file
from unstuck.record.facts import KINDS, Fact

Stored = Callable[[Fact], Fact]
Read = Callable[[str, dict[str, Any]], Fact]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    """State a fact in a run, and read it from there."""

    def through_a_run(fact: Fact) -> Fact:
        with RunWriter(tmp_path / "stored") as writer:
            writer.state(fact)
        with Run.open(tmp_path / "stored") as run:
            (read,) = run.facts(type(fact))
        return read

    return through_a_run


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a fact from a run that holds this JSON object under this kind."""

    def from_a_run(kind: str, values: dict[str, Any]) -> Fact:
        RunWriter(tmp_path / "read").close()
        with sqlite3.connect(run_file(tmp_path / "read")) as connection:
            row = (kind, json.dumps(values))
            connection.execute("INSERT INTO facts (stream, kind, value) VALUES (0, ?, ?)", row)
        connection.close()
        with Run.open(tmp_path / "read") as run:
            (fact,) = run.facts(KINDS[kind])
        return fact

    return from_a_run
