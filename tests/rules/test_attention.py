"""Logits of attention that have grown are evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.rules.attention import grown_logits
from unstuck.rules.optimisation.learning_rate_too_high import LearningRateTooHigh
from unstuck.testing.rules import outcome, record


def run_of(folder: Path, logits: list[float], entropies: list[float] | None = None) -> Run:
    tables = {
        signals.ATTENTION_LOGIT: {"layers.0#0": [1.0] * len(logits), "layers.0#1": logits},
        signals.ATTENTION_ENTROPY: {"layers.0#0": [0.9] * len(logits), "layers.0#1": entropies or [0.02] * len(logits)},
    }
    return record(folder, series={signals.LOSS: [1.0] * 50}, tables=tables)


def test_the_head_that_has_grown_most_is_named(tmp_path: Path) -> None:
    evidence = grown_logits(run_of(tmp_path, [2.0, 2.0, 2.0, 30.0, 90.0, 90.0, 95.0]))
    assert evidence is not None
    assert evidence.value == 90.0
    assert "head 1 of layers.0, 2 at first" in evidence.note
    assert "2% of the most" in evidence.note


@pytest.mark.parametrize(
    "logits", [[2.0] * 3 + [40.0] * 4, [20.0] * 3 + [90.0] * 4, [2.0, 90.0], []], ids=["small", "always", "few", "none"]
)
def test_logits_that_are_no_larger_than_usual_are_no_evidence(tmp_path: Path, logits: list[float]) -> None:
    assert grown_logits(run_of(tmp_path, logits)) is None


@pytest.mark.parametrize(("last", "found"), [(0.02, True), (0.3, False)])
def test_entropy_that_falls_is_asked_for_where_nothing_suffers(tmp_path: Path, last: float, found: bool) -> None:
    run = run_of(tmp_path, [2.0] * 3 + [90.0] * 4, [0.9] * 3 + [last] * 4)
    assert grown_logits(run) is not None
    assert (grown_logits(run, collapsed=True) is not None) is found


def test_narrow_attention_without_harm_is_a_note(tmp_path: Path) -> None:
    tables = {
        signals.ATTENTION_LOGIT: {"blocks.1#2": [2.0] * 3 + [90.0] * 4},
        signals.ATTENTION_ENTROPY: {"blocks.1#2": [0.9] * 3 + [0.02] * 4},
    }
    losses = [3.0 * 0.97**step for step in range(100)]
    (finding,) = outcome(LearningRateTooHigh(), record(tmp_path, series={signals.LOSS: losses}, tables=tables))
    assert (finding.severity, finding.confidence) == ("note", 0.4)
    assert "head 2 of blocks.1" in finding.summary
