from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Model, Parameter, UnoptimizedParameter, UnoptimizedParameters
from unstuck.record.facts import Role as ParameterRole
from unstuck.rules import judge
from unstuck.rules.initialisation.symmetric_start import SymmetricStart
from unstuck.testing.rules import RuleContract, outcome, record

FLAT, LEARNT = np.full(50, 2.3), np.geomspace(2.3, 0.02, 50)


def units(folder: Path, *spreads: list[float], role: ParameterRole = "weight", loss: np.ndarray = FLAT) -> Run:
    names = [f"linear{i}.weight" for i in range(len(spreads))]
    model = Model(type="Net", parameters=tuple(Parameter(name=name, shape=(30, 64), role=role) for name in names))
    tables = {signals.UNIT_SPREAD: dict(zip(names, spreads, strict=True))}
    steps = {signals.UNIT_SPREAD: [2**i for i in range(len(spreads[0]))]}
    return record(folder, series={signals.LOSS: loss}, tables=tables, facts=(model,), steps=steps)


class TestContract(RuleContract):
    rule = SymmetricStart()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return units(tmp_path / "sick", [0.0, 1e-7, 1e-7, 2e-7, 1e-6], [0.0, 1e-7, 0.0, 0.0, 0.0])

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return units(tmp_path / "healthy", [0.98, 0.97, 0.95, 0.9, 0.9], [0.9] * 5)


def test_units_that_stay_copies_are_the_first_finding(tmp_path: Path) -> None:
    with units(tmp_path / "a", [0.0] * 5) as run:
        first = judge(run).findings[0]
    assert (first.code, first.cause, first.severity) == ("I201", "init-symmetric", "error")


def test_a_last_layer_at_zero_parts_at_the_first_update(tmp_path: Path) -> None:
    with units(tmp_path / "a", [0.9] * 5, [0.0, 0.6, 0.7, 0.7, 0.8]) as run:
        assert outcome(SymmetricStart(), run) == []


def test_units_that_become_alike_did_not_start_so(tmp_path: Path) -> None:
    with units(tmp_path / "a", [0.9, 0.5, 0.1, 0.01, 0.001]) as run:
        assert outcome(SymmetricStart(), run) == []


def test_the_columns_of_an_embedding_are_units_too(tmp_path: Path) -> None:
    with units(tmp_path / "a", [0.0] * 5, role="embedding") as run:
        assert [finding.cause for finding in outcome(SymmetricStart(), run)] == ["init-symmetric"]


@pytest.mark.parametrize("role", ["norm", "bias"])
def test_other_parameters_may_be_equal(tmp_path: Path, role: ParameterRole) -> None:
    with units(tmp_path / "a", [0.0] * 5, role=role) as run:
        assert outcome(SymmetricStart(), run) == []


def test_what_learns_well_is_a_note(tmp_path: Path) -> None:
    with units(tmp_path / "a", [0.0] * 5, loss=LEARNT) as run:
        (finding,) = outcome(SymmetricStart(), run)
    assert finding.severity == "note"


def test_what_no_optimizer_holds_could_not_be_parted(tmp_path: Path) -> None:
    weight = Parameter(name="head.weight", shape=(5, 8))
    left = UnoptimizedParameter(name=weight.name, shape=weight.shape)
    facts = [Model(type="Net", parameters=(weight,)), UnoptimizedParameters(step=16, since=0, unchanged=(left,))]
    tables = {signals.UNIT_SPREAD: {weight.name: [0.0] * 5}}
    steps = {signals.UNIT_SPREAD: [1, 2, 4, 8, 16]}
    with record(tmp_path / "a", series={signals.LOSS: FLAT}, tables=tables, facts=facts, steps=steps) as run:
        assert outcome(SymmetricStart(), run) == []
    with record(tmp_path / "b", series={signals.LOSS: FLAT}, tables=tables, facts=facts[:1], steps=steps) as run:
        assert [finding.cause for finding in outcome(SymmetricStart(), run)] == ["init-symmetric"]
