from pathlib import Path

import pytest

from unstuck.record import signals
from unstuck.record.facts import Optimizer, ParameterGroup
from unstuck.rules.rate import learning_rate, rate_in_words, suggested_rate
from unstuck.testing.rules import record

SGD = Optimizer(type="SGD", groups=(ParameterGroup(parameters=2, learning_rate=10.0),))


@pytest.mark.parametrize(
    ("ratio", "bounds", "advice"),
    [
        (1.2, {"most": 0.1}, "try lr=0.01 (0.001 times the present one)"),
        (2e-3, {"most": 0.1}, "try lr=1 (0.1 times the present one)"),
        (1e-5, {"least": 10.0}, "try lr=1e+03 (100 times the present one)"),
        (0.0, {"least": 10.0}, "try lr=100 (10 times the present one)"),
    ],
)
def test_the_suggestion_brings_the_ratio_to_a_thousandth(
    tmp_path: Path, ratio: float, bounds: dict[str, float], advice: str
) -> None:
    with record(tmp_path, facts=[SGD]) as run:
        assert suggested_rate(run, ratio, **bounds) == advice
        assert rate_in_words(run) == " (lr=10 in SGD)"


def test_the_rate_that_was_used_counts_before_the_one_constructed_with(tmp_path: Path) -> None:
    with record(tmp_path, tables={signals.LEARNING_RATE: {"0": [0.1, 0.5], "1": [0.2, 0.1]}}, facts=[SGD]) as run:
        assert learning_rate(run) == pytest.approx(0.5)


def test_an_unknown_rate_is_spoken_of_as_a_factor(tmp_path: Path) -> None:
    with record(tmp_path) as run:
        assert rate_in_words(run) == ""
        assert suggested_rate(run, 1.0, most=0.1) == "try 0.001 times it"
