"""Whether targets move with what is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.learning.moving_targets import targets_move
from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import Graph, Loss, LossClasses, LossOutput, LossTarget, LossTerm, LossTerms, PolicyTerm, Span
from unstuck.testing.rules import record

RANDOM = np.random.default_rng(0)


def moves(
    folder: Path,
    means: Sequence[float],
    stds: Sequence[float] | float = 1.0,
    *,
    batch: float = 64.0,
    facts: Sequence[LossTerms] = (),
) -> bool:
    number = len(means)
    spread = [stds] * number if isinstance(stds, float) else list(stds)
    losses = {signals.LOSS: [1.0] * number, signals.BATCH_SIZE: [batch] * number}
    series = losses | {signals.TARGET_MEAN: list(means), signals.TARGET_STD: spread}
    with record(folder, series=series, facts=[Loss(function="mse_loss"), *facts]) as run:
        return targets_move(run)


def test_returns_that_grow(tmp_path: Path) -> None:
    assert moves(tmp_path, np.linspace(10.0, 25.0, 60) + RANDOM.normal(0.0, 1.0, 60), 6.0)


def test_the_same_of_few_batches_of_many(tmp_path: Path) -> None:
    assert moves(tmp_path / "many", [10.3, 10.4, 24.5, 24.6, 24.6], [6.1, 6.1, 8.4, 8.4, 8.4], batch=1_000.0)
    assert not moves(tmp_path / "few", [10.3, 10.4, 24.5, 24.6, 24.6], [6.1, 6.1, 8.4, 8.4, 8.4], batch=4.0)


@pytest.mark.parametrize(("move", "found"), [(0.9, False), (1.3, True)])
def test_a_movement_counts_in_deviations_of_the_targets(tmp_path: Path, move: float, found: bool) -> None:
    means = np.repeat([0.0, move], 50) + RANDOM.normal(0.0, 0.125, 100)
    assert moves(tmp_path, means) is found


@pytest.mark.parametrize(("times", "found"), [(1.5, False), (3.0, True)])
def test_so_does_a_change_of_their_size(tmp_path: Path, times: float, found: bool) -> None:
    stds = np.geomspace(1.0, times, 100) * RANDOM.normal(1.0, 0.1, 100)
    assert moves(tmp_path, RANDOM.normal(0.0, 0.125, 100), stds.tolist()) is found


def test_data_that_stand(tmp_path: Path) -> None:
    for number in (3, 5, 12, 60, 400):
        for seed in range(20):
            drawn = np.random.default_rng(seed).normal(3.0, 2.0, (number, 32))
            series = drawn.mean(axis=1).tolist(), drawn.std(axis=1).tolist()
            assert not moves(tmp_path / f"{number}-{seed}", *series, batch=32.0)


def test_batches_of_one_group_each(tmp_path: Path) -> None:
    groups = np.random.default_rng(1).normal(0.0, 5.0, 200)
    assert not moves(tmp_path, groups.tolist(), batch=32.0)


def look(step: int, term: float, *, function: str = "") -> LossTerms:
    scored = LossTerm(value=term, weighted=term, function=function, operation="mean", line=4)
    return LossTerms(step=step, terms=(LossTerm(value=1.0, weighted=0.5, function="mse_loss", line=5), scored))


@pytest.mark.parametrize(
    ("terms", "function", "found"),
    [
        ((0.02, -0.01, 0.01, -0.03), "", True),
        ((0.02, 0.01, 0.01, 0.03), "", False),
        ((-0.02, -0.01, -0.01, -0.03), "", False),
        ((0.02, -0.01, 0.01, -0.03), "gaussian_nll_loss", False),
        ((0.02, -0.01), "", False),
    ],
)
def test_a_term_of_both_signs_is_a_score_function(
    tmp_path: Path, terms: Sequence[float], function: str, found: bool
) -> None:
    facts = [look(step, term, function=function) for step, term in enumerate(terms)]
    assert moves(tmp_path, RANDOM.normal(0.0, 0.125, 40), facts=facts) is found


@pytest.mark.parametrize(("line", "shape", "found"), [(4, (64, 8), False), (3, (64, 8), True), (4, (64,), True)])
def test_a_log_variance_beside_its_exponential_is_none(
    tmp_path: Path, line: int, shape: tuple[int, ...], found: bool
) -> None:
    def divergence(step: int, logarithm: float) -> LossTerms:
        held = LossTerm(value=-8.0 * math.exp(logarithm), weighted=4.0, operation="exp", line=line, shape=shape)
        log_variance = LossTerm(value=logarithm, weighted=-4.0 * logarithm, operation="addmm", line=4, shape=(64, 8))
        return LossTerms(step=step, terms=(log_variance, held))

    facts = [divergence(step, logarithm) for step, logarithm in enumerate((0.02, -0.01, 0.01, -0.03))]
    assert moves(tmp_path, RANDOM.normal(0.0, 0.125, 40), facts=facts) is found


@pytest.mark.parametrize(("lowest", "found"), [(-0.5, True), (0.0, False)])
def test_so_are_log_probabilities_of_actions_by_what_they_brought(tmp_path: Path, lowest: float, found: bool) -> None:
    term = PolicyTerm(step=0, raised=True, lowest=lowest, highest=1.0)
    with record(tmp_path, series={signals.LOSS: [0.5] * 9}, facts=[term]) as run:
        assert targets_move(run) is found


@pytest.mark.parametrize(
    ("signs", "began", "found"), [((1, -1), 0.0, True), ((1, 1), 0.0, False), ((1, -1), 9.0, False)]
)
def test_a_critic_beside_a_policy(tmp_path: Path, signs: tuple[int, int], began: float, found: bool) -> None:
    with RunWriter(tmp_path) as writer:
        for step in range(40):
            writer.add(signals.LOSS, step, 0.1 * signs[step % 2], stream=0)
            writer.add(signals.LOSS, step, 1.0, stream=1)
        writer.state(Span(began=0.0, ended=5.0, thread=1), stream=0)
        for fact in (Span(began=began, ended=began + 5.0, thread=1), Loss(function="mse_loss"), Graph(step=0)):
            writer.state(fact, stream=1)
    with Run.open(tmp_path) as run:
        assert [targets_move(one) for one in run.snapshot().streams()] == [signs[1] < 0, found]


@pytest.mark.parametrize(
    ("operation", "counts", "found"),
    [("Div", (640, 0, 0), True), ("Addmm", (640, 0, 0), False), ("Div", (64, 9), False)],
)
def test_a_partner_in_one_place_among_scores_of_no_layer(
    tmp_path: Path, operation: str, counts: tuple[int, ...], found: bool
) -> None:
    call = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(64, len(counts)), operation=operation),
        target=LossTarget(shape=(64,), type="class"),
        classes=LossClasses(number=len(counts), counts=counts),
    )
    with record(tmp_path, series={signals.LOSS: [1.0] * 9}, facts=[call]) as run:
        assert targets_move(run) is found
