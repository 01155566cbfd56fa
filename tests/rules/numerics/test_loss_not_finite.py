from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Event, Loss, NonFinite
from unstuck.rules import judge
from unstuck.rules.numerics.loss_not_finite import LossNotFinite
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]


class TestContract(RuleContract):
    rule = LossNotFinite()

    @pytest.fixture
    def sick(self, train: Train) -> Run:
        return train(poison=(50, "loss"))

    @pytest.fixture
    def healthy(self, train: Train) -> Run:
        return train()


def test_a_poisoned_batch_is_named_with_its_examples(train: Train) -> None:
    (root,) = judge(train(poison=(50, "input"))).findings
    assert (root.code, root.cause, root.severity) == ("D102", "data-non-finite", "error")
    (below,) = [symptom for symptom in root.symptoms if symptom.code == "N101"]
    assert below.cause == "data-non-finite"
    assert "first at step 50" in below.summary
    assert "examples 2 of that batch" in below.summary


def test_a_formula_that_overflows_is_named_with_its_module(train: Train) -> None:
    first = judge(train(poison=(50, "loss"))).findings[0]
    assert (first.code, first.cause) == ("N101", "loss-unstable")
    assert str(first.where) == "net.4, train.py:20"


def test_an_explosion_is_the_rate_s_and_stands_under_it(train: Train, samples: object) -> None:
    run = train(sample=samples.diabetes, hidden=(16,), method="sgd", rate=3.0, epochs=20)  # type: ignore[attr-defined]
    first = judge(run).findings[0]
    assert (first.code, first.cause) == ("O201", "lr-too-high")
    (below,) = [symptom for symptom in first.symptoms if symptom.code == "N101"]
    assert below.cause == "lr-too-high"


def test_skipped_updates_of_loss_scaling_are_healthy(tmp_path: Path) -> None:
    facts = [
        NonFinite(step=0, what="gradient", where="0.weight", count=12),
        NonFinite(step=0, what="activation", where="mask", count=12),
        Event(step=0, what="the optimizer skipped a step"),
    ]
    tables = {signals.GRADIENT_NONFINITE: {"0.weight": [12.0] + [0.0] * 99}}
    with record(tmp_path / "a", series={signals.LOSS: np.linspace(2, 1, 100)}, tables=tables, facts=facts) as run:
        assert outcome(LossNotFinite(), run) == []


def test_one_bad_batch_that_a_loop_skips_is_a_note(tmp_path: Path) -> None:
    losses = np.linspace(2, 1, 200)
    losses[100] = np.nan
    with record(tmp_path / "a", series={signals.LOSS: losses}) as run:
        (finding,) = outcome(LossNotFinite(), run)
    assert finding.severity == "note"


def test_weights_that_are_lost_are_an_error_even_if_the_loss_is_not_read(tmp_path: Path) -> None:
    tables = {signals.WEIGHT_NONFINITE: {"0.weight": [0.0] * 10 + [4.0] * 10}}
    with record(tmp_path / "a", series={signals.LOSS: [1.0] * 20}, tables=tables) as run:
        (finding,) = outcome(LossNotFinite(), run)
    assert finding.severity == "error"


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_the_cause_does_not_hang_on_the_unit(tmp_path: Path, unit: float) -> None:
    calm = unit * np.append(np.linspace(2, 1, 50), [np.nan] * 10)
    wild = unit * np.append(np.geomspace(2, 1e6, 50), [np.nan] * 10)
    loss = Loss(function=None, file="t.py", line=3)
    for name, values, cause in (("calm", calm, "loss-unstable"), ("wild", wild, "lr-too-high")):
        with record(tmp_path / name, series={signals.LOSS: values}, facts=[loss]) as run:
            (finding,) = outcome(LossNotFinite(), run)
        assert finding.cause == cause


@pytest.mark.parametrize(("every", "severity"), [(200, "note"), (4, "warning"), (1, "error")])
def test_batches_without_targets_are_named_and_harm_no_weights(tmp_path: Path, every: int, severity: str) -> None:
    losses = np.linspace(2, 1, 300)
    losses[every - 1 :: every] = np.nan
    facts = [NonFinite(step=every - 1, what="loss", count=1, ignored=-100), Loss(function="cross_entropy", line=3)]
    with record(tmp_path / "a", series={signals.LOSS: losses}, facts=facts) as run:
        (finding,) = outcome(LossNotFinite(), run)
    assert (finding.severity, finding.cause, finding.where.line) == (severity, "mask-wrong", 3)
    assert "ignore_index=-100" in finding.summary
    assert "log" not in finding.advice


def test_batches_without_targets_do_not_excuse_weights_that_are_lost(tmp_path: Path) -> None:
    tables = {signals.WEIGHT_NONFINITE: {"0.weight": [0.0] * 10 + [4.0] * 10}}
    facts = [NonFinite(step=3, what="loss", count=1, ignored=-100)]
    losses = [1.0] * 3 + [np.nan] + [1.0] * 16
    with record(tmp_path / "a", series={signals.LOSS: losses}, tables=tables, facts=facts) as run:
        (finding,) = outcome(LossNotFinite(), run)
    assert finding.severity == "error"
