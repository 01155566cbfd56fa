from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import AlikeBatches, Loader
from unstuck.rules.data.negatives_alike import NegativesAlike
from unstuck.testing.rules import RuleContract, outcome, record

Order = Literal["sequential", "random", "other"]


def run_of(folder: Path, *, ratio: float = 5.0, batches: int = 20, order: Order | None = "sequential") -> Run:
    loaders = [Loader(number=0, begun=1, updates=50, order=order)] if order else []
    seen = AlikeBatches(batches=batches, examples=125, ratio=ratio)
    return record(folder, series={signals.LOSS: [0.1] * 50}, facts=[seen, *loaders])


class TestContract(RuleContract):
    rule = NegativesAlike()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", ratio=1.1)


@pytest.mark.parametrize(
    ("order", "severities"), [("sequential", ["error"]), (None, ["warning"]), ("random", []), ("other", [])]
)
def test_it_is_surer_where_a_loader_does_not_shuffle(
    tmp_path: Path, order: Order | None, severities: list[str]
) -> None:
    assert [found.severity for found in outcome(NegativesAlike(), run_of(tmp_path, order=order))] == severities


@pytest.mark.parametrize(("ratio", "batches", "found"), [(3.0, 12, True), (2.9, 12, False), (3.0, 11, False)])
def test_random_and_few_batches_say_nothing(tmp_path: Path, ratio: float, batches: int, found: bool) -> None:
    assert bool(outcome(NegativesAlike(), run_of(tmp_path, ratio=ratio, batches=batches))) is found
