from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import BatchStatistics, Loader, Loss, LossOutput, LossTarget
from unstuck.rules.optimisation.batch_size_unsuited import BatchSizeUnsuited
from unstuck.testing.rules import RuleContract, outcome, record

rng = np.random.default_rng(0)


def run_of(
    folder: Path,
    *,
    losses: Any,
    batch: int,
    cosine: float,
    ratio: float,
    batches: int,
    targets: int | None = None,
    rates: Any = None,
    noise: float | None = None,
    values: int = 64,
) -> Run:
    call = Loss(
        function="mse_loss",
        output=LossOutput(shape=(batch, 1)),
        target=LossTarget(type="real", mean=0.0, variance=1.0, shape=(targets or batch,)),
    )
    samples = min(len(losses), 15)
    loader = Loader(number=0, begun=5, updates=5, batches=batches, examples=batch * batches, order="random")
    norms = (
        [] if noise is None else [BatchStatistics(step=100, where="norm", examples=batch, noise=noise, values=values)]
    )
    return record(
        folder,
        series={
            signals.LOSS: list(losses),
            signals.BATCH_SIZE: [float(batch)] * samples,
            signals.GRADIENT_COSINE: [cosine] * samples,
        },
        tables={signals.UPDATE_RATIO: {"weight": [ratio] * samples}, **(rates or {})},
        facts=[*norms, call, loader],
    )


LARGE: dict[str, Any] = {
    "losses": np.linspace(1.0, 0.9, 12), "batch": 2000, "cosine": 0.98, "ratio": 0.01, "batches": 1,
}  # fmt: skip
SMALL: dict[str, Any] = {
    "losses": 0.8 + rng.exponential(0.2, 400), "batch": 1, "cosine": 0.05, "ratio": 0.03, "batches": 500,
}  # fmt: skip


class TestContract(RuleContract):
    rule = BatchSizeUnsuited()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", **LARGE)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", **{**LARGE, "batch": 64, "batches": 30})


def test_single_examples_whose_noise_drowns_the_step(tmp_path: Path) -> None:
    (finding,) = outcome(BatchSizeUnsuited(), run_of(tmp_path, **SMALL))
    assert finding.cause == "batch-size-unsuited"
    assert "batches of 1 " in finding.summary


@pytest.mark.parametrize(
    "changed",
    [
        LARGE | {"losses": np.linspace(1.0, 0.9, 500)},  # many steps of all examples: usual for small sets
        LARGE | {"cosine": 0.3},  # the gradient is still noisy
        LARGE | {"ratio": 1e-5},  # that is a rate too low
        SMALL | {"ratio": 1e-3},  # steps of the usual size
        SMALL | {"targets": 64},  # one long sequence
        SMALL | {"losses": np.linspace(1.0, 0.05, 400)},  # it learns
    ],
)
def test_what_is_usual_is_left_alone(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert outcome(BatchSizeUnsuited(), run_of(tmp_path, **changed)) == []


@pytest.mark.parametrize(("last", "found"), [(0.1, 1), (0.01, 0)])
def test_noise_of_the_targets_is_left_by_a_falling_rate(tmp_path: Path, last: float, found: int) -> None:
    rates = {signals.LEARNING_RATE: {"group0": [0.1, last]}}
    assert len(outcome(BatchSizeUnsuited(), run_of(tmp_path, **SMALL, rates=rates))) == found


@pytest.mark.parametrize(
    ("noise", "batch", "values", "found"),
    [(0.4, 2, 32, 1), (0.1, 2, 2, 1), (None, 2, 2, 0), (0.1, 2, 32, 0), (0.4, 64, 640, 0)],
)
def test_batch_norms_of_two_examples(tmp_path: Path, noise: float | None, batch: int, values: int, found: int) -> None:
    quiet = {**SMALL, "cosine": 0.6, "batch": batch, "noise": noise, "values": values}
    findings = outcome(BatchSizeUnsuited(), run_of(tmp_path / "high", **quiet))
    assert [finding.where.module for finding in findings] == ["norm"] * found
    assert (
        outcome(BatchSizeUnsuited(), run_of(tmp_path / "good", **{**quiet, "losses": np.geomspace(1, 0.01, 400)})) == []
    )
