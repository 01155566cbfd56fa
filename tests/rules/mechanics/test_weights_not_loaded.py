from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossOutput, LossTarget, Model, Parameter, WeightsLeftOut
from unstuck.rules.mechanics import weights_not_loaded
from unstuck.rules.mechanics.weights_not_loaded import WeightsNotLoaded
from unstuck.testing.rules import RuleContract, outcome, record

NAMES = ("body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias")


SHAPES = {"weight": (4, 4), "bias": (4,)}


def parameter(name: str, fresh: bool | None) -> Parameter:
    """A bias says nothing of its origin."""
    kind = name.rpartition(".")[2]
    return Parameter(name=name, shape=SHAPES[kind], fresh=fresh if kind == "weight" else None)


def loss_of(*, width: int) -> Loss:
    return Loss(
        function="cross_entropy", output=LossOutput(shape=(32, width)), target=LossTarget(shape=(32,), type="class")
    )


def run_of(
    folder: Path,
    *facts: Loss,
    names: tuple[str, ...] = NAMES,
    fresh: bool | None = True,
    known: bool = True,
    own: bool = False,
    others: tuple[Parameter, ...] = (),
) -> Run:
    keys = tuple(f"module.{name}" if known else "" for name in names)
    fact = WeightsLeftOut(parameters=names, keys=keys, own=own, file="train.py", line=7)
    model = Model(type="Net", parameters=(*(parameter(name, fresh) for name in NAMES), *others))
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[model, fact, *facts])


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


def test_what_the_call_was_handed_is_said(tmp_path: Path) -> None:
    (skipped,) = outcome(WeightsNotLoaded(), run_of(tmp_path / "skipped"))
    (own,) = outcome(WeightsNotLoaded(), run_of(tmp_path / "own", own=True))
    (chosen,) = outcome(WeightsNotLoaded(), run_of(tmp_path / "chosen", known=False))
    assert "skips them" in skipped.summary
    assert "the model's own values" in own.summary
    assert "none fits" in chosen.summary
    assert "stands in the file" not in chosen.summary


def test_biases_of_layers_that_were_trained_say_nothing(tmp_path: Path) -> None:
    assert not outcome(WeightsNotLoaded(), run_of(tmp_path, names=NAMES, fresh=False))


@pytest.mark.parametrize(("below", "count"), [(False, 0), (None, 1)], ids=["new head", "nothing loaded"])
def test_a_head_may_be_new_on_what_was_trained_before(tmp_path: Path, below: bool | None, count: int) -> None:
    trained = Parameter(name="encoder.weight", shape=(4, 3), fresh=below)
    run = run_of(tmp_path, loss_of(width=4), others=(trained,))
    assert len(outcome(WeightsNotLoaded(), run)) == count


def test_layers_within_what_was_trained_are_no_head(tmp_path: Path) -> None:
    trained = Parameter(name="encoder.weight", shape=(4, 3), fresh=False)
    assert outcome(WeightsNotLoaded(), run_of(tmp_path, loss_of(width=7), others=(trained,)))
