import json
import math

import pytest

from tests.find_lr.bowls import Bowl, Deaf
from unstuck.errors import ArgumentError
from unstuck.find_lr.search import Effort, search
from unstuck.find_lr.trainer import Trial


@pytest.mark.parametrize("curvature", [1e-2, 1.0, 1e3])
def test_the_rate_of_a_bowl_lies_below_its_threshold_and_the_methods_agree(curvature: float) -> None:
    found = search(Bowl(curvature=curvature, noise=0.01 * curvature), Effort())
    assert found.rate is not None
    assert 0.05 / curvature < found.rate < 2.0 / curvature
    assert found.agree
    assert found.factor >= 1.0
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["learning_rate"] == found.rate


def test_no_usable_rate_is_said_where_that_is_so() -> None:
    found = search(Deaf(), Effort())
    assert (found.rate, found.band) == (None, None)
    assert "at no rate" in found.why_none
    assert found.agree
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"low": 1.0, "high": 1.0}, "empty"),
        ({"low": 1.0, "high": 0.1}, "reversed"),
        ({"low": 0.0}, "low=0.0"),
        ({"low": -1.0}, "low=-1.0"),
        ({"high": math.inf}, "high=inf"),
        ({"low": math.nan}, "low=nan"),
        ({"points": 1}, "points=1"),
        ({"repeats": 0}, "repeats=0"),
        ({"longest": 2}, "longest=2"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(arguments: dict[str, float], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        Effort(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("losses", [(math.nan,), (1.0, 1.0, math.inf)])
def test_a_loss_that_is_no_number_before_training_is_refused(losses: tuple[float, ...]) -> None:
    class Broken(Bowl):
        def train(self, rates, *, repeat=0):
            return Trial(tuple(rates[: len(losses)]), losses)

    with pytest.raises(ArgumentError, match="before anything is trained"):
        search(Broken(), Effort())


def test_rounds_are_shorter_where_the_longest_is() -> None:
    assert Effort().lengths == (16, 48, 144)
    assert Effort(longest=30).lengths == (10, 30)
    assert Effort(longest=8).lengths == (8,)
    assert search(Bowl(), Effort(longest=8)).rate is not None


def test_no_rate_outside_of_the_range_is_tried() -> None:
    tried: set[float] = set()

    class Noted(Bowl):
        def train(self, rates, *, repeat=0):
            tried.update(rates)
            return super().train(rates, repeat=repeat)

    search(Noted(curvature=0.01), Effort(low=1e-3, high=0.5))
    assert min(tried - {0.0}) >= 1e-3 * (1 - 1e-9)
    assert max(tried) <= 0.5 * (1 + 1e-9)
