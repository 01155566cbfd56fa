from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Model, Parameter, WeightsLeftOut
from unstuck.rules.mechanics import weights_not_loaded
from unstuck.rules.mechanics.weights_not_loaded import WeightsNotLoaded
from unstuck.testing.rules import RuleContract, outcome, record

NAMES = ("body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias")


def run_of(folder: Path, *, names: tuple[str, ...] = NAMES, fresh: bool | None = True) -> Run:
    fact = WeightsLeftOut(parameters=names, keys=tuple(f"module.{name}" for name in names), file="train.py", line=7)
    parameters = tuple(Parameter(name=name, shape=(4, 4), fresh=fresh) for name in NAMES)
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[Model(type="Net", parameters=parameters), fact])


class TestContract(RuleContract):
    rule = WeightsNotLoaded()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", fresh=False)


def test_one_tensor_alone_may_be_meant_to_be_new(tmp_path: Path) -> None:
    assert not outcome(WeightsNotLoaded(), run_of(tmp_path, names=NAMES[:1]))


@pytest.mark.parametrize(("seems", "severity"), [("none", "error"), ("good", "warning")])
def test_it_is_told_whatever_is_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seems: str, severity: str
) -> None:
    monkeypatch.setattr(weights_not_loaded, "outcome_of", lambda run: seems)
    (finding,) = outcome(WeightsNotLoaded(), run_of(tmp_path))
    assert finding.severity == severity
    assert "module.body.0.weight" in finding.summary
    assert finding.where.line == 7
