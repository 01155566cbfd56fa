from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rules.policy.test_policy_lowered import run_of
from unstuck.record import Run
from unstuck.rules.policy.ratio_wrong import RatioWrong
from unstuck.testing.rules import RuleContract, outcome


class TestContract(RuleContract):
    rule = RatioWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", raised=True, ratio="itself")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", raised=True)


@pytest.mark.parametrize(("ratio", "cause"), [("itself", "graph-detached"), ("logarithms", "loss-wrong")])
def test_each_mistake_has_its_words(tmp_path: Path, ratio: str, cause: str) -> None:
    (finding,) = outcome(RatioWrong(), run_of(tmp_path, raised=True, ratio=ratio))
    assert (finding.cause, finding.where.line) == (cause, 7)
    assert ("cancel" in finding.summary) == (ratio == "itself")


@pytest.mark.parametrize("known", [{"looks": 1}, {"lowest": 0.0, "names": ("mask",)}])
def test_nothing_is_said_where_it_is_not_known(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(RatioWrong(), run_of(tmp_path, raised=True, ratio="itself", **known))
