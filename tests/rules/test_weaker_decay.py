from pathlib import Path

import pytest

from unstuck.record import signals
from unstuck.record.facts import Optimizer
from unstuck.rules.weaker_decay import weaker_decay
from unstuck.testing.rules import record

START = {
    signals.WEIGHT_NORM: {"a": [3.0, 0.1], "b": [4.0, 0.1]},
    signals.GRADIENT_NORM: {"a": [0.0, 9.0], "b": [0.1, 9.0]},
}


@pytest.mark.parametrize(
    ("kind", "decay", "weaker"),
    [("SGD", 1.0, 2e-4), ("Adam", 1e3, 2e-4), ("SGD", 1e-3, 1e-4), ("AdamW", 10.0, 0.01), ("AdamW", 0.05, 0.005)],
)
def test_its_pull_is_a_hundredth_of_the_first_gradient(tmp_path: Path, kind: str, decay: float, weaker: float) -> None:
    with record(tmp_path, tables=START, facts=[Optimizer(type=kind)]) as run:
        assert weaker_decay(run, decay) == weaker


def test_without_a_start_it_is_a_hundredth(tmp_path: Path) -> None:
    with record(tmp_path, facts=[Optimizer(type="SGD")]) as run:
        assert weaker_decay(run, 1.0) == 0.01
