from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Model, Parameter
from unstuck.rules.step_size import Steps, clipped_norm, counted, elasticity, usual_sizes
from unstuck.testing.rules import record

PARAMETERS = (
    Parameter(name="embed.weight", shape=(100, 8), role="embedding"),
    Parameter(name="0.weight", shape=(8, 8), role="weight"),
    Parameter(name="0.bias", shape=(8,), role="bias"),
    Parameter(name="1.weight", shape=(8,), role="norm"),
    Parameter(name="2.weight", shape=(8, 8), role="weight"),
)


def steps(folder: Path, *, facts: tuple[Model, ...] = (Model(type="Net", parameters=PARAMETERS),)) -> Run:
    ones = [1.0] * 50
    ratio = {p.name: [1e-2] * 50 for p in PARAMETERS} | {"0.weight": [1e-3] * 25 + [1e-4] * 25}
    ratio["2.weight"] = [np.nan, *[0.5] * 49]
    update = {p.name: [0.1] * 50 for p in PARAMETERS}
    weight = {p.name: ones for p in PARAMETERS} | {"2.weight": [0.0, *[1.0] * 49]}
    tables = {signals.UPDATE_RATIO: ratio, signals.UPDATE_NORM: update, signals.WEIGHT_NORM: weight}
    return record(folder, series={signals.LOSS: ones}, tables=tables, facts=facts)


def test_matrices_count_and_without_their_shape_only_those_that_started_with_a_size(tmp_path: Path) -> None:
    with steps(tmp_path / "a") as run:
        assert counted(run) == ("0.weight", "2.weight")
    with steps(tmp_path / "b", facts=()) as run:
        assert "0.bias" not in counted(run)
        assert "2.weight" not in counted(run)


def test_summaries_over_time(tmp_path: Path) -> None:
    with steps(tmp_path) as run:
        found = Steps.of(run)
    by_usual_size = 0.1 / np.sqrt(8)
    assert found.late() == pytest.approx((1e-4 + by_usual_size) / 2, rel=1e-3)
    assert found.early() == pytest.approx((1e-3 + by_usual_size) / 2, rel=1e-3)
    assert found.strongest() == pytest.approx(by_usual_size, rel=1e-3)
    assert found.distance(50) == pytest.approx(50 * by_usual_size, rel=0.02)


def test_a_matrix_that_was_nothing_but_its_first_update_is_measured_by_its_usual_size(tmp_path: Path) -> None:
    tables = {
        signals.UPDATE_RATIO: {"a": [1e-6] * 9, "b": [1.0, 0.9, *[0.5] * 7]},
        signals.UPDATE_NORM: {"a": [1e-6] * 9, "b": [4e-6] * 9},
        signals.WEIGHT_NORM: {"a": [1.0] * 9, "b": list(4e-6 * np.arange(1, 10))},
        signals.GRADIENT_NORM: {"a": [0.0] * 9, "b": [0.1] * 9},
    }
    shapes = (Parameter(name="a", shape=(8, 32)), Parameter(name="b", shape=(64, 8)))
    facts = [Model(type="Adapter", parameters=shapes)]
    with record(tmp_path, series={signals.LOSS: [1.6] * 9}, tables=tables, facts=facts) as run:
        assert usual_sizes(run) == {"b": 8.0}
        assert Steps.of(run).strongest() == pytest.approx(1e-6, rel=1e-3)
        assert elasticity(run) == pytest.approx(0.1 * 8.0 / 1.6)


def test_nothing_sampled_is_nothing(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: [1.0]}) as run:
        assert len(Steps.of(run)) == 0
        assert elasticity(run) is None


def test_elasticity_does_not_hang_on_the_unit_of_the_loss(train: Callable[..., Run]) -> None:
    plain, scaled = elasticity(train()), elasticity(train(scale=1e5))
    assert plain is not None
    assert plain == pytest.approx(scaled, rel=0.2)
    assert 0.01 < plain < 10


def test_gradients_of_one_norm_are_clipped_and_tell_nothing_of_the_loss(tmp_path: Path) -> None:
    def gradients(folder: Path, first: list[float], second: list[float]) -> Run:
        tables = {
            signals.GRADIENT_NORM: {"0.weight": first, "2.weight": second},
            signals.WEIGHT_NORM: {"0.weight": [1.0] * len(first), "2.weight": [1.0] * len(first)},
        }
        return record(folder, series={signals.LOSS: [1.0] * len(first)}, tables=tables)

    angles = np.linspace(0.1, 1.4, 8)
    clipped = gradients(tmp_path / "a", list(1e-4 * np.cos(angles)), list(1e-4 * np.sin(angles)))
    assert clipped_norm(clipped) == pytest.approx(1e-4, rel=1e-3)
    assert elasticity(clipped) is None
    free = gradients(tmp_path / "b", list(angles), list(angles))
    assert clipped_norm(free) is None
    assert elasticity(free) is not None
    assert clipped_norm(gradients(tmp_path / "c", [0.0] * 8, [0.0] * 8)) is None
