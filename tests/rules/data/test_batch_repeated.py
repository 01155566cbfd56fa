from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Fact, Loader, Overlap
from unstuck.rules.data.batch_repeated import BatchRepeated
from unstuck.testing.rules import RuleContract, outcome, record

FALLING = np.linspace(2.3, 0.05, 100).tolist()
SAME = [0.0, *[1.0] * 20]
EVERY_FIFTH = {signals.BATCH_SEEN_BEFORE: range(0, 105, 5)}


def run_of(folder: Path, *facts: Fact, before: Any = SAME, validation: list[float] | None = None) -> Run:
    series = {signals.LOSS: FALLING, signals.BATCH_SEEN_BEFORE: before}
    if validation:
        series[signals.VALIDATION_LOSS] = validation
    steps = {**EVERY_FIFTH, signals.VALIDATION_LOSS: np.linspace(10, 100, len(validation or [])).astype(int).tolist()}
    return record(folder, series=series, facts=facts, steps=steps)


def loader(*, begun: int, updates: int = 100, batches: int = 20) -> Loader:
    return Loader(number=0, begun=begun, updates=updates, batches=batches, examples=batches * 32)


class TestContract(RuleContract):
    rule = BatchRepeated()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", loader(begun=100))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        epochs = [0.0] * 4 + [1.0] * 17
        return run_of(tmp_path / "healthy", loader(begun=5), before=epochs)


def test_an_iterator_made_anew_at_every_step_is_an_error(tmp_path: Path) -> None:
    (finding,) = outcome(BatchRepeated(), run_of(tmp_path, loader(begun=100)))
    assert (finding.cause, finding.severity) == ("data-constant", "error")
    assert "next(iter(loader))" in finding.advice


def test_one_batch_taken_once_may_be_meant_as_a_test_of_overfitting(tmp_path: Path) -> None:
    (alone,) = outcome(BatchRepeated(), run_of(tmp_path / "a", loader(begun=1)))
    (judged,) = outcome(BatchRepeated(), run_of(tmp_path / "b", loader(begun=1), validation=[2.0, 2.5]))
    assert (alone.severity, judged.severity) == ("note", "error")


def test_a_slice_that_never_moves_shows_on_fresh_examples(tmp_path: Path) -> None:
    fresh = Overlap(evaluated=400, seen_in_training=0, trained=32)
    (finding,) = outcome(BatchRepeated(), run_of(tmp_path / "a", fresh, validation=[3.0, 3.5, 4.0]))
    assert finding.severity == "warning"
    whole = Overlap(evaluated=400, seen_in_training=0, trained=1200)  # the whole training set in each step
    assert outcome(BatchRepeated(), run_of(tmp_path / "b", whole, validation=[3.0, 3.5, 4.0])) == []
    assert outcome(BatchRepeated(), run_of(tmp_path / "c", fresh, validation=[0.4, 0.2, 0.1])) == []


def test_a_loader_of_one_batch_has_no_other(tmp_path: Path) -> None:
    assert outcome(BatchRepeated(), run_of(tmp_path, loader(begun=100, batches=1))) == []
