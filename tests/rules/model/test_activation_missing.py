from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from unstuck.record import Run
from unstuck.rules import judge
from unstuck.rules.model.activation_missing import ActivationMissing
from unstuck.testing.rules import RuleContract, outcome

Wired = Callable[..., Run]
THREE = ((32, 2), (32, 32), (1, 32))


class TestContract(RuleContract):
    rule = ActivationMissing()

    @pytest.fixture
    def sick(self, wired: Wired) -> Run:
        return wired(THREE, ("data", "", ""))

    @pytest.fixture
    def healthy(self, wired: Wired) -> Run:
        return wired(THREE, ("data", "Silu", "Silu"))


def test_a_linear_map_in_layers_is_the_first_finding(wired: Wired) -> None:
    first = judge(wired(THREE, ("data", "", ""))).findings[0]
    assert (first.code, first.cause, first.severity) == ("M102", "activation-missing", "error")


def test_with_pooling_alone_it_is_a_warning(wired: Wired) -> None:
    (finding,) = outcome(ActivationMissing(), wired(THREE, ("data", "MaxPool2DWithIndices", "")))
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("shapes", "between"),
    [
        (((10, 64),), ("data",)),
        (((16, 64),), ("Embedding",)),
        (((4, 64), (64, 4)), ("data", "")),
        (((8, 768), (768, 8), (10, 768)), ("data", "", "Relu")),
        (((16, 8, 3, 3), (32, 16, 1, 1), (10, 32)), ("data", "", "Relu")),
    ],
    ids=["one layer", "an embedding", "a narrow middle", "an adapter", "separable convolutions"],
)
def test_layers_that_may_follow_each_other(
    wired: Wired, shapes: Sequence[tuple[int, ...]], between: Sequence[str]
) -> None:
    assert outcome(ActivationMissing(), wired(shapes, between)) == []


def test_a_linear_task_learnt_well_is_a_note(wired: Wired) -> None:
    (finding,) = outcome(ActivationMissing(), wired(THREE, ("data", "", ""), loss=np.geomspace(2.0, 0.01, 100)))
    assert finding.severity == "note"
