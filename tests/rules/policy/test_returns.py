from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run
from unstuck.record.facts import Bootstrap
from unstuck.rules.policy.returns import began_beyond, largest_return
from unstuck.testing.rules import record


def fact_of(**known: Any) -> Bootstrap:
    usual: dict[str, Any] = {"transitions": 9, "ended": 1, "discount": 0.9, "lowest": -0.1, "highest": 1.0, "line": 7}
    return Bootstrap(**{**usual, **known})


@pytest.mark.parametrize(
    "known", [{"discount": 1.0}, {"discount": 0.0}, {"plain": False}, {"lowest": 0.0, "highest": 0.0}]
)
def test_without_discount_or_rewards_there_is_no_largest_return(known: dict[str, Any]) -> None:
    assert largest_return(fact_of(**known)) is None


def test_the_first_targets_count(tmp_path: Path) -> None:
    def run_of(folder: str, *sizes: float) -> Run:
        return record(tmp_path / folder, facts=[fact_of(late=size) for size in sizes])

    assert began_beyond(run_of("wears off", 900.0, 5.0))
    assert not began_beyond(run_of("grows", 5.0, 900.0))
