from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Loss, LossOutput, LossTarget, LossTerm, LossTerms, TargetOutputs
from unstuck.rules import judge
from unstuck.rules.loss.loss_reductions_differ import LossReductionsDiffer
from unstuck.testing.rules import RuleContract, outcome, record

BATCH, VARIANCE = 32, 0.07


def run_with(
    folder: Path,
    *,
    pixels: int = 784,
    error: float = VARIANCE,
    divergence: tuple[float, float] = (0.3, 0.001),
    reduction: str = "mean",
    scale: float = 1.0,
    own: tuple[int, float | None] = (1, None),
    entries: tuple[int, ...] = (BATCH, 8),
    summed: int = 8,
    share: float = 1.0 / BATCH,
    factor: float = 0.5,
) -> Run:
    """An autoencoder: the error of its pixels, and the divergence of its latent units."""
    each = TargetOutputs(outputs=pixels, examples=4_000.0, variance=VARIANCE)
    call = Loss(
        function="mse_loss",
        reduction=reduction,
        output=LossOutput(shape=(BATCH, pixels)),
        target=LossTarget(shape=(BATCH, pixels), type="real", mean=0.1, variance=0.1, each=each),
        file="train.py",
        line=20,
    )

    def look(step: int) -> LossTerms:
        value = (0.2 if step < 9 else error) * (BATCH * pixels if reduction == "sum" else 1.0)
        other = divergence[step > 9]
        terms = (
            LossTerm(
                value=value,
                weighted=scale * value,
                function="mse_loss",
                shape=(BATCH, pixels),
                summed=own[0],
                share=own[1],
                file="train.py",
                line=20,
            ),
            LossTerm(
                value=other / factor,
                weighted=other,
                operation="mean",
                shape=entries,
                summed=summed,
                share=share,
                file="train.py",
                line=21,
            ),
        )
        return LossTerms(step=step, terms=terms)

    losses = [0.5] * 10 + [error] * 90
    series = {signals.LOSS: losses, signals.BATCH_SIZE: [float(BATCH)] * 100}
    return record(folder, series=series, facts=[call, *map(look, (0, 1, 2, 40, 80, 95))])


class TestLossReductionsDiffer(RuleContract):
    rule = LossReductionsDiffer()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", reduction="sum", scale=1.0 / BATCH)


def test_the_line_of_the_mean_is_named_and_the_factor(tmp_path: Path) -> None:
    (finding,) = outcome(LossReductionsDiffer(), run_with(tmp_path))
    assert (finding.where.file, finding.where.line) == ("train.py", 20)
    assert finding.evidence[0].value == pytest.approx(392.0)  # half of 784, for the divergence has a half in it
    assert "784 elements of an example" in finding.summary


def test_a_whole_sum_weighs_more_by_the_batch(tmp_path: Path) -> None:
    (finding,) = outcome(LossReductionsDiffer(), run_with(tmp_path, summed=256, share=1.0))
    assert finding.evidence[0].value == pytest.approx(392.0 * BATCH)


@pytest.mark.parametrize(
    "healthy",
    [
        {"error": 0.02},  # it is learnt all the same
        {"scale": 784.0},  # the mean times the pixels is their sum
        {"factor": 0.5 / 784},  # the divergence is divided by the pixels
        {"summed": 1, "share": 1.0 / (BATCH * 8)},  # means of both
        {"pixels": 4},  # a few outputs, whose mean is nearly a sum
        {"divergence": (0.3, 0.25)},  # nothing has been gained by it
        {"entries": (784, 100), "summed": 78_400, "share": 1.0},  # a penalty of weights, not of examples
    ],
)
def test_terms_that_go_together(tmp_path: Path, healthy: dict[str, object]) -> None:
    assert outcome(LossReductionsDiffer(), run_with(tmp_path, **healthy)) == []


def test_elements_that_the_program_averages_itself(tmp_path: Path) -> None:
    run = run_with(tmp_path / "mean", reduction="none", own=(1, 1.0 / (BATCH * 784)))
    (finding,) = outcome(LossReductionsDiffer(), run)
    assert finding.evidence[0].value == pytest.approx(392.0)
    summed = run_with(tmp_path / "sum", reduction="none", own=(784, 1.0 / BATCH), error=VARIANCE * 784)
    assert outcome(LossReductionsDiffer(), summed) == []


def test_the_reduction_is_named_before_the_weight_that_follows_from_it(tmp_path: Path) -> None:
    found = judge(run_with(tmp_path, divergence=(90.0, 0.001), summed=256, share=1.0)).findings
    assert found[0].code == "L302"
    assert "L301" not in [finding.code for finding in found]
