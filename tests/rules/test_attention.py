"""Logits of attention that have grown are evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.rules.attention import grown_logits
from unstuck.testing.rules import record


def run_of(folder: Path, logits: list[float]) -> Run:
    tables = {
        signals.ATTENTION_LOGIT: {"layers.0#0": [1.0] * len(logits), "layers.0#1": logits},
        signals.ATTENTION_ENTROPY: {"layers.0#0": [0.9] * len(logits), "layers.0#1": [0.02] * len(logits)},
    }
    return record(folder, series={signals.LOSS: [1.0] * 50}, tables=tables)


def test_the_head_that_has_grown_most_is_named(tmp_path: Path) -> None:
    evidence = grown_logits(run_of(tmp_path, [2.0, 2.0, 2.0, 30.0, 90.0, 90.0, 95.0]))
    assert evidence is not None
    assert evidence.value == 90.0
    assert "layers.0#1, 2 at first" in evidence.note
    assert "2% of the most" in evidence.note


@pytest.mark.parametrize(
    "logits", [[2.0] * 3 + [40.0] * 4, [20.0] * 3 + [90.0] * 4, [2.0, 90.0], []], ids=["small", "always", "few", "none"]
)
def test_logits_that_are_no_larger_than_usual_are_no_evidence(tmp_path: Path, logits: list[float]) -> None:
    assert grown_logits(run_of(tmp_path, logits)) is None
