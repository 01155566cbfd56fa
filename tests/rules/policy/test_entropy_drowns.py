from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record import Run
from unstuck.record.facts import LossTerm, LossTerms, PolicyEntropy
from unstuck.rules.policy.entropy_drowns import EntropyDrowns
from unstuck.testing.rules import RuleContract, outcome


def entropies(
    folder: Path, *, weight: float = 1.3, summed: bool = False, end: float = 1.08, spread: float = 4.0, looks: int = 6
) -> Run:
    values = [1.09, *[end] * (looks - 1)]
    seen = [PolicyEntropy(step=2**k, entropy=value, most=1.0986, raised=True, line=9) for k, value in enumerate(values)]
    terms = [
        LossTerms(
            step=2**k,
            terms=(
                LossTerm(
                    value=-value * (64 if summed else 1),
                    weighted=-value * weight,
                    function="",
                    operation="sum" if summed else "mean",
                    shape=(64, 3),
                ),
            ),
        )
        for k, value in enumerate(values)
    ]
    return run_of(folder, *seen, *terms, raised=True, lowest=-spread / 2, highest=spread / 2)


class TestContract(RuleContract):
    rule = EntropyDrowns()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return entropies(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return entropies(tmp_path / "healthy", weight=0.01)


@pytest.mark.parametrize("summed", [True, False])
def test_a_sum_over_the_batch_is_named(tmp_path: Path, summed: bool) -> None:
    (finding,) = outcome(EntropyDrowns(), entropies(tmp_path, summed=summed))
    assert ("summed over the batch" in finding.summary) is summed
    assert (finding.cause, finding.where.line) == ("loss-terms-unbalanced", 9)


def test_a_policy_that_chooses_large_advantages_and_few_looks_are_left_alone(tmp_path: Path) -> None:
    assert not outcome(EntropyDrowns(), entropies(tmp_path / "chooses", end=0.7))
    assert not outcome(EntropyDrowns(), entropies(tmp_path / "large", spread=40.0))
    assert not outcome(EntropyDrowns(), entropies(tmp_path / "few", looks=3))
