"""Batches out of all proportion, and other reasons for which a loss is thrown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import ThrownBatch, ThrownTensor
from unstuck.rules.data.data_corrupt import DataCorrupt
from unstuck.rules.engine import evaluate
from unstuck.testing.rules import RuleContract, outcome, record

TARGET = ThrownTensor(
    what="target",
    place="MseLoss, 1 columns",
    shape=(64, 1),
    largest=1000.0,
    usual=5.0,
    spread=0.15,
    high=6.5,
    later=5.0,
    seen=40,
    rows=1,
    first_rows=(7,),
)
BATCH = ThrownBatch(step=600, loss=300.0, level=2.0, tensors=(TARGET,))


def losses(*, after: float = 1.0, at: tuple[int, ...] = (600,)) -> list[float]:
    """A loss of one that is thrown, and goes on at another level."""
    values = np.exp(0.1 * np.random.default_rng(0).standard_normal(1000))
    values[at[0] :] *= after
    values[list(at)] = 300.0
    return values.tolist()


def run_of(folder: Path, *facts: ThrownBatch, curve: list[float] | None = None) -> Run:
    return record(folder, series={signals.LOSS: curve or losses()}, facts=facts)


def found(folder: Path, *facts: ThrownBatch, curve: list[float] | None = None) -> Any:
    return outcome(DataCorrupt(), run_of(folder, *facts, curve=curve))


def of(**changes: Any) -> ThrownBatch:
    return replace(BATCH, tensors=(replace(TARGET, **changes),))


class TestContract(RuleContract):
    rule = DataCorrupt()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", BATCH)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", of(largest=6.0, rows=0, first_rows=()))


def test_the_batch_the_row_and_what_was_lost_are_named(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, BATCH, curve=losses(after=3.0))
    assert (finding.cause, finding.severity) == ("data-corrupt", "warning")
    for words in ("at step 600", "targets reach 1,000, elsewhere 5", "row 7 of 64", "come back to 3"):
        assert words in finding.summary


@pytest.mark.parametrize(("after", "severity"), [(1.0, "note"), (1.04, "note"), (1.2, "warning")])
def test_it_is_a_note_where_nothing_was_lost(tmp_path: Path, after: float, severity: str) -> None:
    (finding,) = found(tmp_path, BATCH, curve=losses(after=after))
    assert finding.severity == severity


def test_an_aftermath_is_harm_though_the_loss_comes_back(tmp_path: Path) -> None:
    curve = np.array(losses())
    curve[601:640] *= 5.0
    (finding,) = found(tmp_path, BATCH, curve=curve.tolist())
    assert (finding.severity, "takes some steps" in finding.summary) == ("warning", True)


def test_a_loss_that_is_lost_for_good_is_an_error(tmp_path: Path) -> None:
    curve = losses()
    curve[601:] = [float("nan")] * len(curve[601:])
    (finding,) = found(tmp_path, BATCH, curve=curve)
    assert finding.severity == "error"


@pytest.mark.parametrize(("largest", "fires"), [(32.0, False), (33.0, True)])
def test_it_must_be_five_times_what_others_reach(tmp_path: Path, largest: float, fires: bool) -> None:
    assert bool(found(tmp_path, of(largest=largest, spread=0.01))) is fires


@pytest.mark.parametrize(("spread", "fires"), [(0.42, True), (0.48, False)])
def test_heavy_tails_reach_far_by_themselves(tmp_path: Path, spread: float, fires: bool) -> None:
    assert bool(found(tmp_path, of(spread=spread))) is fires


@pytest.mark.parametrize(("high", "fires"), [(12.0, True), (14.5, False)])
def test_a_heavy_tail_over_a_narrow_body_reaches_far_too(tmp_path: Path, high: float, fires: bool) -> None:
    assert bool(found(tmp_path, of(high=high))) is fires


@pytest.mark.parametrize(("seen", "fires"), [(15, False), (16, True)])
def test_enough_ordinary_batches_must_be_known(tmp_path: Path, seen: int, fires: bool) -> None:
    assert bool(found(tmp_path, of(seen=seen))) is fires


@pytest.mark.parametrize(("later", "fires"), [(None, True), (150.0, True), (900.0, False)])
def test_data_that_go_on_so_are_no_accident(tmp_path: Path, later: float | None, fires: bool) -> None:
    assert bool(found(tmp_path, of(later=later))) is fires


def test_something_else_throws_the_loss_where_most_batches_are_usual(tmp_path: Path) -> None:
    usual = replace(TARGET, largest=5.0, rows=0, first_rows=())
    others = [replace(BATCH, step=step, tensors=(usual,)) for step in (100, 200, 300)]
    curve = losses(at=(100, 200, 300, 600))
    assert not found(tmp_path / "three", *others, BATCH, curve=curve)
    assert found(tmp_path / "one", others[0], BATCH, curve=curve)


def test_what_a_bad_batch_leaves_behind_does_not_speak_for_the_data(tmp_path: Path) -> None:
    usual = replace(TARGET, largest=5.0, rows=0, first_rows=())
    behind = [replace(BATCH, step=600 + more, tensors=(usual,)) for more in (5, 40, 90)]
    assert found(tmp_path, BATCH, *behind)


def test_what_was_stated_last_of_a_step_counts(tmp_path: Path) -> None:
    assert not found(tmp_path, of(later=None), of(later=900.0))


def test_spikes_whose_batches_were_not_seen_are_not_judged(tmp_path: Path) -> None:
    judged = evaluate(DataCorrupt(), run_of(tmp_path))
    assert isinstance(judged, NotEvaluated)
    assert "step 600" in judged.reason


@pytest.mark.parametrize(
    ("rows", "first_rows", "places", "said"),
    [
        (1, (7,), (), "(row 7 of 64)"),
        (4, (4, 5, 6, 7), tuple(range(100, 116)), "(example 1 of 16, dataset[101])"),
        (8, tuple(range(8)), tuple(range(100, 116)), "(examples 0, 1 of 16, dataset[100], dataset[101])"),
        (
            5,
            (1, 2, 3, 4, 5),
            tuple(range(64)),
            "(5 of 64 rows, the first dataset[1], dataset[2], ",
        ),
        (30, tuple(range(16)), tuple(range(32)), "(at least 8 of 32 examples, the first dataset[0], "),
        (30, tuple(range(16)), (), "(30 of 64 rows)"),
    ],
)
def test_examples_are_counted_and_not_their_positions(
    tmp_path: Path, rows: int, first_rows: tuple[int, ...], places: tuple[int, ...], said: str
) -> None:
    (finding,) = found(tmp_path, replace(of(rows=rows, first_rows=first_rows), places=places))
    assert said in finding.summary
