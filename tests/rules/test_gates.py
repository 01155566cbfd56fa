"""Each gate admits a run that meets its condition, and closes on one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from unstuck.record import Finding, NotEvaluated, Run, signals
from unstuck.record.facts import (
    End,
    Fact,
    Inputs,
    Loss,
    LossTarget,
    NonFinite,
    Optimizer,
    ParameterGroup,
)
from unstuck.record.signals import Signal
from unstuck.rules import RULES, gates
from unstuck.rules.engine import evaluate
from unstuck.rules.rule import Gate, Rule
from unstuck.testing.rules import record

FALLING = tuple(0.9**step for step in range(60))
FLAT = (1.0,) * 60
REGRESSION = Loss(function="mse_loss", target=LossTarget(type="real", mean=0.0, variance=1.0))


@dataclass(frozen=True)
class Case:
    """What a run holds."""

    losses: tuple[float, ...] = FLAT
    facts: tuple[Fact, ...] = ()
    series: tuple[tuple[Signal, tuple[float, ...]], ...] = ()
    moves: bool = False
    rates: tuple[float, ...] = ()


def end(reason: str) -> tuple[Fact, ...]:
    return (End(reason=reason, steps=60),)  # pyright: ignore[reportArgumentType]


def method(kind: str, **constants: object) -> tuple[Fact, ...]:
    return (Optimizer(type=kind, groups=(ParameterGroup(parameters=1, **constants),)),)  # pyright: ignore


def inputs(kind: str) -> Inputs:
    return Inputs(shape=(8, 2), kind_of=kind, examples=8, minimum=0.0, maximum=1.0)  # pyright: ignore


BATCHES = ((signals.BATCH_SIZE, (8.0, 8.0)),)
EVALUATED = ((signals.EVALUATED, (100.0,)),)
LOSSES_OF_EVALUATIONS = ((signals.VALIDATION_LOSS, (1.0,) * 5),)


def targets(*means: float) -> tuple[tuple[Signal, tuple[float, ...]], ...]:
    return (signals.TARGET_MEAN, means), (signals.TARGET_STD, (2.0,) * len(means))


CASES: list[tuple[Gate, Case, Case]] = [
    (
        gates.TARGETS_STAND,
        Case(series=(*BATCHES, *targets(10.0, 10.5, 11.0, 10.2))),
        Case(series=(*BATCHES, *targets(10.0, 12.0, 18.0, 25.0))),
    ),
    (gates.losses(60), Case(), Case(losses=FLAT[:59])),
    (gates.losses(60), Case(), Case(losses=(*FLAT[:59], float("nan")))),
    (
        gates.samples(signals.GRADIENT_COSINE, 2, "cosines"),
        Case(series=((signals.GRADIENT_COSINE, (0.1, 0.2)),)),
        Case(series=((signals.GRADIENT_COSINE, (0.1, float("nan"))),)),
    ),
    (gates.evaluations(5), Case(series=LOSSES_OF_EVALUATIONS), Case(series=((signals.VALIDATION_LOSS, (1.0,) * 4),))),
    (gates.NOT_PRETRAINED, Case(facts=(REGRESSION,)), Case(losses=(0.3,) * 60, facts=(REGRESSION,))),
    (gates.POOR, Case(), Case(losses=FALLING)),
    (gates.NOT_DIVERGING, Case(), Case(losses=FALLING[::-1])),
    (gates.NEVER_NEGATIVE, Case(), Case(losses=(-1.0,) * 60)),
    (gates.YARDSTICK, Case(facts=(REGRESSION,)), Case()),
    (gates.NOT_INTERRUPTED, Case(facts=end("completed")), Case(facts=end("interrupted"))),
    (gates.NOT_CRASHED, Case(facts=end("interrupted")), Case(facts=end("crashed"))),
    (gates.LOSS_CALLED, Case(facts=(REGRESSION,)), Case()),
    (
        gates.ONE_LOSS,
        Case(facts=(REGRESSION, Loss(function="mse_loss", line=4))),
        Case(facts=(REGRESSION, Loss(function="l1_loss"))),
    ),
    (gates.STEPS_SAMPLED, Case(moves=True), Case()),
    (gates.EVALUATED, Case(series=EVALUATED), Case()),
    (gates.MEASURED, Case(series=(*EVALUATED, *LOSSES_OF_EVALUATIONS)), Case(series=EVALUATED)),
    (gates.NOT_IDS, Case(facts=(inputs("table"),)), Case(facts=(inputs("ids"),))),
    (
        gates.FINITE_DATA,
        Case(facts=(NonFinite(step=3, what="loss"),)),
        Case(facts=(NonFinite(step=3, what="input"),)),
    ),
    (gates.PLAIN_DESCENT, Case(facts=method("SGD")), Case(facts=method("SGD", momentum=0.9))),
    (gates.PLAIN_DESCENT, Case(facts=method("SGD")), Case(facts=method("RMSprop"))),
    (
        gates.NO_RANGE_TEST,
        Case(rates=tuple(1e-6 + 0.01 * step for step in range(60))),
        Case(rates=tuple(1e-4 * 1.2**step for step in range(60))),
    ),
    (
        gates.SCORED_WHOLE,
        Case(facts=(Loss(function="mse_loss", target=LossTarget(shape=(8, 1))),), series=BATCHES),
        Case(facts=(Loss(function="mse_loss", target=LossTarget(shape=(5, 1))),), series=BATCHES),
    ),
    (
        gates.NOT_TURNED,
        Case(series=((signals.VALIDATION_LOSS, (1.0, 0.9, 0.8, 0.8, 0.8, 0.8)),)),
        Case(series=((signals.VALIDATION_LOSS, (1.0, 0.9, 0.8, 0.8, 0.8, 0.8, 0.9, 0.9, 0.9)),)),
    ),
    (gates.NO_RANGE_TEST, Case(rates=(0.1,) * 60), Case(rates=tuple(1e-4 * 10 ** (step // 12) for step in range(60)))),
]


def run_of(folder: Path, case: Case) -> Run:
    tables = {signals.UPDATE_RATIO: {"w": [1e-3] * 5}} if case.moves else {}
    tables |= {signals.LEARNING_RATE: {"0": case.rates}} if case.rates else {}
    series = {signals.LOSS: case.losses, **dict(case.series)}
    return record(folder, series=series, tables=tables, facts=case.facts)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("gate", "admitted", "refused"), CASES, ids=range(len(CASES)))
def test_a_gate_admits_what_meets_its_condition_alone(
    gate: Gate, admitted: Case, refused: Case, tmp_path: Path
) -> None:
    with run_of(tmp_path / "admitted", admitted) as run:
        assert gate.admits(run)
    with run_of(tmp_path / "refused", refused) as run:
        assert not gate.admits(run)


def test_every_gate_of_this_module_is_tried() -> None:
    tried = {gate.reason for gate, *_ in CASES} | {gates.NO_GAME.reason}
    named = {gate.reason for gate in vars(gates).values() if isinstance(gate, Gate)}
    assert named <= tried


@dataclass(frozen=True, kw_only=True)
class Fires(Rule):
    code, name, cause, needs = "O999", "fires", "lr-too-high", (signals.LOSS,)
    applies_to = (gates.losses(5), gates.POOR)

    def check(self, run: Run) -> Iterator[Finding]:
        yield self.finding("s", "a", severity="error", confidence=0.5, evidence=())


def test_a_rule_whose_gate_is_closed_says_of_the_first_why(tmp_path: Path) -> None:
    with record(tmp_path / "short", series={signals.LOSS: [1.0, 0.1]}) as run:
        assert evaluate(Fires(), run) == NotEvaluated(reason="fewer than 5 finite losses were recorded")
    with record(tmp_path / "good", series={signals.LOSS: FALLING}) as run:
        assert evaluate(Fires(), run) == NotEvaluated(reason="learning went well")
    with record(tmp_path / "poor", series={signals.LOSS: FLAT}) as run:
        assert len(evaluate(Fires(), run)) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_gates_survive_a_run_that_holds_nothing(rule: Rule, tmp_path: Path) -> None:
    with record(tmp_path) as run:
        for entry in rule.apply(run):
            assert isinstance(entry, NotEvaluated)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_reasons_are_clauses(rule: Rule) -> None:
    for gate in rule.applies_to:
        assert gate.reason[0].islower()
        assert not gate.reason.endswith(".")
