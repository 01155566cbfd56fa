"""The curve that is compared with a guess, and its unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.learning.curve import Curve
from unstuck.learning.measured import LATE, Measured, seen_late
from unstuck.record import Signal, signals
from unstuck.record.facts import Loss, LossClasses, LossTarget, LossTerm, LossTerms
from unstuck.testing.rules import record

GUESS = float(np.log(2)) + 1 / 20_000
CALLED = np.linspace(0.7, 0.1, 100)


def measured(folder: Path, differentiated: np.ndarray, called: np.ndarray | None = CALLED, **fields: Any) -> Measured:
    fields = {"classes": LossClasses(number=2, counts=(5_000, 5_000)), **fields}
    loss = Loss(function="cross_entropy", **fields)
    series: dict[Signal, np.ndarray] = {signals.LOSS: differentiated, signals.BATCH_SIZE: np.full(100, 32.0)}
    if called is not None:
        series[signals.LOSS_CALL] = called
    with record(folder, series=series, facts=[loss]) as run:
        return Measured.of(run, Curve.of(run.series(signals.LOSS)), early=None)


@pytest.mark.parametrize("factor", [1.0, 0.25, 32.0])
def test_a_constant_factor_is_one_of_guess_and_floor(factor: float, tmp_path: Path) -> None:
    found = measured(tmp_path, factor * CALLED)
    assert found.exact
    assert found.guess is not None
    assert found.guess.value == pytest.approx(factor * GUESS)
    assert found.untrained == pytest.approx(factor * np.log(2))
    assert found.curve.end.value == pytest.approx(factor * CALLED[-10:].mean(), rel=0.02)


@pytest.mark.parametrize(("scatter", "of_call"), [(2e-4, False), (5e-2, True)])
def test_with_other_terms_what_the_loss_returned_is_measured(scatter: float, of_call: bool, tmp_path: Path) -> None:
    other = 1 + scatter * np.random.default_rng(0).normal(size=100)
    found = measured(tmp_path, 3.0 * CALLED * other)
    assert found.guess is not None
    assert found.guess.value == pytest.approx(GUESS if of_call else 3 * GUESS, rel=1e-3)
    assert (found.curve.values[0] == CALLED[0]) == of_call


@pytest.mark.parametrize(
    ("penalty", "weighted", "last", "of_whole"),
    [(0.05, 0.5, 0.7, True), (-0.05, 0.5, 0.7, False), (0.4, 0.5, 0.7, False), (0.05, 0.5, 0.1, False)],
)
def test_the_whole_shows_it_where_samples_leave_it_in_doubt(
    penalty: float, weighted: float, last: float, of_whole: bool, tmp_path: Path
) -> None:
    called, sampled = np.full(100, np.nan), [*range(10), *range(60, 70)]
    called[sampled] = [*np.linspace(0.7, 0.6, 10), *[last] * 10]
    differentiated = weighted * CALLED + penalty
    differentiated[sampled] = weighted * called[sampled] + penalty * np.linspace(0.5, 1.0, 20)
    terms = tuple(
        LossTerms(
            step=step,
            terms=(
                LossTerm(value=value, weighted=weighted * value, function="cross_entropy"),
                LossTerm(value=1.0, weighted=penalty),
            ),
        )
        for step, value in enumerate((0.7, 0.6, 0.5))
    )
    loss = Loss(function="cross_entropy", classes=LossClasses(number=2, counts=(5_000, 5_000)))
    series = {signals.LOSS: differentiated, signals.BATCH_SIZE: np.full(100, 32.0), signals.LOSS_CALL: called}
    with record(tmp_path, series=series, facts=[loss, *terms]) as run:
        found = Measured.of(run, Curve.of(run.series(signals.LOSS)), early=None)
    assert found.guess is not None
    assert found.guess.value == pytest.approx((weighted if of_whole else 1.0) * GUESS, rel=1e-3)
    assert len(found.curve) == (100 if of_whole else 20)


@pytest.mark.parametrize(("off", "a_mean"), [(0.0, True), (0.3, False)])
def test_a_sum_divided_by_the_number_of_its_elements_is_a_mean(off: float, a_mean: bool, tmp_path: Path) -> None:
    counts = np.random.default_rng(0).integers(300, 700, size=100)
    target, classes = LossTarget(shape=(928,), type="class"), LossClasses(number=2, counts=(300, 300))
    found = measured(tmp_path, CALLED, CALLED * (counts + off), reduction="sum", target=target, classes=classes)
    assert found.guess is not None
    assert found.guess.value == pytest.approx(GUESS if a_mean else 928 * GUESS, rel=2e-3)
    assert (found.curve.values[0] == CALLED[0]) == a_mean


def test_a_sum_divided_by_examples_is_no_mean_over_their_elements(tmp_path: Path) -> None:
    examples = np.random.default_rng(0).integers(20, 33, size=100)
    target, classes = LossTarget(shape=(32, 10), type="class"), LossClasses(number=2, counts=(160, 160))
    found = measured(tmp_path, CALLED, CALLED * examples, reduction="sum", target=target, classes=classes)
    assert found.guess is not None
    assert found.guess.value > 300 * GUESS


def test_single_elements_weighed_by_the_program_are_no_loss_to_compare(tmp_path: Path) -> None:
    weighed = CALLED * np.random.default_rng(0).normal(size=100)
    assert measured(tmp_path / "a", weighed, reduction="none").loss is None
    assert measured(tmp_path / "b", CALLED, reduction="none").loss is not None


def test_without_calls_a_start_tells_of_a_sum(tmp_path: Path) -> None:
    found = measured(tmp_path / "a", 32 * CALLED, None)
    assert not found.exact
    assert found.guess is not None
    assert found.guess.value == pytest.approx(32 * GUESS)
    plain = measured(tmp_path / "b", 4 * CALLED, None).guess
    assert plain is not None
    assert plain.value == pytest.approx(GUESS)


@pytest.mark.parametrize(("last", "late"), [(LATE * 100 - 1, False), (LATE * 100, True)])
def test_samples_of_the_beginning_do_not_tell_the_end(last: float, late: bool, tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: np.ones(101)}) as run:
        assert seen_late(run, np.array([0, int(last)])) == late
        assert not seen_late(run, np.array([], dtype=np.int64))
