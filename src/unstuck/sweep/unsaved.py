"""Outcomes that could not be told to a study, kept in a file until it is there again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.chosen import Tried
from unstuck.sweep.study import Study

__all__ = ["UNSAVED", "bring_back", "keep"]

UNSAVED = "unsaved.jsonl"
"""Name of the file inside a sweep's folder."""


def keep(folder: Path, tried: Iterable[Tried], *, fingerprint: str) -> Path:
    """Write outcomes beside a sweep.

    Args:
        folder: The sweep's folder; it is made where it is gone.
        tried: All that is known, for what was told may be gone with the storage.
        fingerprint: What tells the sweep from others.

    Raises:
        OSError: They cannot be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / UNSAVED
    with file.open("a", encoding="utf-8") as lines:
        for one in tried:
            said = {"of": fingerprint, "try": one.attempt.to_dict(), "outcome": one.outcome.to_dict()}
            lines.write(json.dumps(said) + "\n")
    return file


def bring_back(folder: Path, study: Study) -> int:
    """Tell a study what is kept beside it, and forget it there; how many outcomes it did not have."""
    file = folder / UNSAVED
    if not file.is_file():
        return 0
    kept = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    mine = [said for said in kept if said["of"] == study.space.fingerprint]
    entries = {entry.attempt.key: entry for entry in study.entries() if entry.state in ("running", "over")}
    told = 0
    for said in mine:
        attempt, outcome = Try.of(said["try"]), Outcome.of(said["outcome"])
        entry = entries.get(attempt.key)
        if entry is None:
            study.add([attempt], outcomes=[outcome])
        if entry is None or (entry.state == "running" and study.tell(entry, outcome)):
            told += 1
    file.unlink()
    return told
