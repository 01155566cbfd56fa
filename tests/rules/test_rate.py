from pathlib import Path

import pytest

from unstuck.record import signals
from unstuck.record.facts import FirstCurvature, Optimizer, ParameterGroup
from unstuck.rules.rate import learning_rate, lower_rate, placed, raise_rate, rate_fell_below, rate_in_words
from unstuck.testing.rules import record


def sgd(*rates: float, line: int | None = 8) -> Optimizer:
    groups = tuple(ParameterGroup(parameters=2, learning_rate=rate) for rate in rates)
    return Optimizer(type="SGD", groups=groups, file="/home/me/train.py" if line else None, line=line)


CURVED = FirstCurvature(along_gradient=0.5)


def test_a_number_is_given_with_what_stands_where(tmp_path: Path) -> None:
    with record(tmp_path / "high", facts=[sgd(10.0), CURVED]) as run:
        assert lower_rate(run).startswith("Lower the learning rate (lr=10 at train.py:8): try lr=0.4 (")
    with record(tmp_path / "low", facts=[sgd(1e-4), CURVED]) as run:
        assert raise_rate(run).startswith("Raise the learning rate (lr=0.0001 at train.py:8): try lr=0.4 (")


@pytest.mark.parametrize("facts", [[sgd(0.5), CURVED], []], ids=["near what was derived", "unknown"])
def test_where_none_can_be_derived_it_is_said_how_to_find_one(tmp_path: Path, facts: list[object]) -> None:
    with record(tmp_path, facts=facts) as run:  # type: ignore[arg-type]
        assert "divide it by three until" in lower_rate(run)
        assert "multiply it by ten until the loss rises" in raise_rate(run)


def test_groups_of_several_rates_are_lowered_together(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(10.0, 1.0), CURVED]) as run:
        assert "multiply that of each parameter group by 0.04" in lower_rate(run)


def test_the_place_or_else_the_method_is_named(tmp_path: Path) -> None:
    with record(tmp_path / "placed", facts=[sgd(10.0)]) as run:
        assert placed(run, "eps=1") == "eps=1 at train.py:8"
        assert rate_in_words(run) == " (lr=10 at train.py:8)"
    with record(tmp_path / "unplaced", facts=[sgd(10.0, line=None)]) as run:
        assert rate_in_words(run) == " (lr=10 in SGD)"
    with record(tmp_path / "unknown") as run:
        assert rate_in_words(run) == ""


def test_the_rate_that_was_used_counts_before_the_one_constructed_with(tmp_path: Path) -> None:
    with record(tmp_path, tables={signals.LEARNING_RATE: {"0": [0.1, 0.5], "1": [0.2, 0.1]}}, facts=[sgd(10.0)]) as run:
        assert learning_rate(run) == pytest.approx(0.5)


@pytest.mark.parametrize(("share", "fell"), [(0.3, True), (0.2, False)])
def test_the_last_rate_is_compared_with_the_highest(tmp_path: Path, share: float, fell: bool) -> None:
    with record(tmp_path, tables={signals.LEARNING_RATE: {"0": [0.4, 0.1]}}) as run:
        assert rate_fell_below(run, share) is fell
