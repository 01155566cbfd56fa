from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Evidence, Run, signals
from unstuck.record.facts import Fact, Layer, Loss, LossClasses, LossTarget, Model, Optimizer, Schedule
from unstuck.rules.optimisation import schedule_wrong
from unstuck.rules.optimisation.schedule_wrong import ScheduleWrong
from unstuck.testing.rules import RuleContract, outcome, record

STEPS = 600
TIME = np.arange(STEPS)
CROSS_ENTROPY = Loss(
    function="cross_entropy", target=LossTarget(type="class"), classes=LossClasses(number=10, counts=(60,) * 10)
)


def descent(rates: Sequence[float], speed: float) -> list[float]:
    """The loss of a training that moves as fast as its rate."""
    spent = np.cumsum(rates)
    noise = np.random.default_rng(0).normal(0, 0.01, len(rates))
    return list(2.3 * np.exp(-speed * spent) + noise)


def run_with(folder: Path, rates: Sequence[float], losses: Sequence[float], *facts: Fact, ratio: float = 1e-3) -> Run:
    tables = {signals.LEARNING_RATE: {"group0": list(rates)}, signals.UPDATE_RATIO: {"0.weight": [ratio] * len(rates)}}
    return record(folder, series={signals.LOSS: list(losses)}, tables=tables, facts=[CROSS_ENTROPY, *facts])


def schedule(kind: str = "StepLR", per: str = "step", base: float = 1.0) -> Schedule:
    return Schedule(type=kind, per=per, steps=STEPS, updates=STEPS, base_rate=base)  # type: ignore[arg-type]


DROPPED = list(0.1 ** (TIME // 10))


class TestScheduleWrong(RuleContract):
    rule = ScheduleWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", DROPPED, descent(DROPPED, 0.02), schedule())

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        rates = list(0.1 ** (TIME // 250))
        return run_with(tmp_path / "healthy", rates, descent(rates, 0.02), schedule(per="epoch"))


def test_the_advice_for_epoch_constants_stepped_by_batch(tmp_path: Path) -> None:
    (finding,) = outcome(ScheduleWrong(), run_with(tmp_path, DROPPED, descent(DROPPED, 0.02), schedule()))
    assert "once an epoch" in finding.advice
    assert finding.severity == "error"


def test_a_rate_that_is_lowered_after_the_fall_is_right(tmp_path: Path) -> None:
    rates = list(np.where(TIME < 200, 1.0, 1e-4))
    assert outcome(ScheduleWrong(), run_with(tmp_path, rates, descent(rates, 0.1), schedule(per="epoch"))) == []


@pytest.mark.parametrize("rates", [0.5 + 0.5 * np.cos(np.pi * TIME / STEPS), 0.99 ** (TIME / 2), np.ones(STEPS)])
def test_usual_schedules_are_silent(tmp_path: Path, rates: Sequence[float]) -> None:
    assert outcome(ScheduleWrong(), run_with(tmp_path, list(rates), descent(list(rates), 0.005), schedule())) == []


def test_a_warm_up_longer_than_the_training(tmp_path: Path) -> None:
    rates = list((TIME + 1) / 10_000)
    (finding,) = outcome(ScheduleWrong(), run_with(tmp_path, rates, descent(rates, 0.002), schedule("LambdaLR")))
    assert "warm-up" in finding.summary


def test_a_function_that_returns_the_rate_in_place_of_a_factor(tmp_path: Path) -> None:
    rates = [1e-3] * STEPS
    (finding,) = outcome(ScheduleWrong(), run_with(tmp_path, rates, descent(rates, 0.02), schedule("LambdaLR")))
    assert "factor" in finding.advice


def cold(folder: Path, *, layer: str) -> Run:
    model = Model(type="Net", layers=(Layer(path="body.0.self_attn.out_proj", type=layer),))
    rates = list(1 - TIME / STEPS)
    losses = [2.3 + 3 * np.exp(-t / 10) for t in TIME]
    return run_with(folder, rates, losses, model, Optimizer(type="Adam"), schedule("LambdaLR"), ratio=0.4)


def test_a_transformer_without_a_warm_up(tmp_path: Path) -> None:
    (finding,) = outcome(ScheduleWrong(), cold(tmp_path / "sick", layer="NonDynamicallyQuantizableLinear"))
    assert "warm-up" in finding.summary
    assert outcome(ScheduleWrong(), cold(tmp_path / "other", layer="Linear")) == []


def test_attention_that_has_collapsed_is_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = Evidence(signal="attention_logit", value=90.0, threshold=50.0, note="head 1 of body.0")
    monkeypatch.setattr(schedule_wrong, "grown_logits", lambda run: proof)
    (finding,) = outcome(ScheduleWrong(), cold(tmp_path, layer="NonDynamicallyQuantizableLinear"))
    assert finding.evidence[-1] is proof
