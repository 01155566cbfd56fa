import math
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Model, Optimizer, Parameter, ParameterGroup, Training
from unstuck.rules.pull import DecayPull, late_norm, norms, penalty_pull
from unstuck.testing.rules import record

SAMPLES = 20
WEIGHTS, GRADIENTS, UPDATES = (np.linspace(10.0, 2.0, SAMPLES), np.full(SAMPLES, 0.5), np.full(SAMPLES, 0.1))
TABLES = {
    signals.WEIGHT_NORM: {"a": list(0.6 * WEIGHTS), "b": list(0.8 * WEIGHTS)},
    signals.GRADIENT_NORM: {"a": list(GRADIENTS)},
    signals.UPDATE_NORM: {"a": list(UPDATES)},
}


def run_of(folder: Path, kind: str, *decays: float, tables: dict = TABLES) -> Run:
    groups = tuple(ParameterGroup(parameters=1, learning_rate=0.1, weight_decay=decay) for decay in decays)
    return record(folder, tables=tables, facts=[Optimizer(type=kind, groups=groups)])


def test_norms_are_over_all_parameters(tmp_path: Path) -> None:
    with run_of(tmp_path / "full", "SGD", 0.0) as run:
        table = run.table(signals.WEIGHT_NORM)
        np.testing.assert_allclose(norms(table), WEIGHTS)
        assert late_norm(table) == pytest.approx(np.median(WEIGHTS[SAMPLES // 2 :]))
    with record(tmp_path / "empty") as run:
        assert late_norm(run.table(signals.WEIGHT_NORM)) == 0.0


@pytest.mark.parametrize(("kind", "decoupled"), [("SGD", False), ("Adam", False), ("AdamW", True)])
def test_a_decay_is_compared_with_what_else_moves_the_weights(tmp_path: Path, kind: str, decoupled: bool) -> None:
    with run_of(tmp_path, kind, 0.01, 0.03) as run:
        pull = DecayPull.of(run)
    assert pull is not None
    assert (pull.decay, pull.decoupled) == (0.03, decoupled)
    unit = 0.1 * 0.03 / 0.1 if decoupled else 0.03 / 0.5
    assert pull.early == pytest.approx(unit * np.median(WEIGHTS[:8]))
    assert pull.late == pytest.approx(unit * np.median(WEIGHTS[SAMPLES // 2 :]))
    assert pull.kept == pytest.approx(0.2)


def test_without_a_decay_there_is_no_pull(tmp_path: Path) -> None:
    with run_of(tmp_path / "none", "SGD", 0.0) as run:
        assert DecayPull.of(run) is None
    with record(tmp_path / "no optimizer", tables=TABLES) as run:
        assert DecayPull.of(run) is None


def test_what_was_not_sampled_is_not_made_up(tmp_path: Path) -> None:
    with run_of(tmp_path, "SGD", 0.1, tables={signals.WEIGHT_NORM: {"a": [3.0]}}) as run:
        pull = DecayPull.of(run)
    assert pull is not None
    assert (pull.early, pull.late, pull.settled) == (None, 0.0, 3.0)
    assert math.isnan(pull.kept)


def test_a_stated_penalty_pulls_by_its_gradient(tmp_path: Path) -> None:
    model = Model(
        type="Net",
        parameters=(Parameter(name="a", shape=(8, 2), role="weight"), Parameter(name="b", shape=(9,), role="bias")),
    )
    with record(tmp_path / "stated", tables=TABLES, facts=[model, Training(l1=0.5, l2=0.1)]) as run:
        assert penalty_pull(run) == pytest.approx(0.1 * np.median(WEIGHTS[SAMPLES // 2 :]) + 0.5 * 4.0)
    with record(tmp_path / "none", tables=TABLES, facts=[model, Training()]) as run:
        assert penalty_pull(run) == 0.0
    with record(tmp_path / "no plan", tables=TABLES, facts=[model]) as run:
        assert penalty_pull(run) == 0.0
