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
        ({"low": "a"}, "low='a'"),
        ({"low": None}, "low=None"),
        ({"high": True}, "high=True"),
        ({"points": 1}, "points=1"),
        ({"repeats": 0}, "repeats=0"),
        ({"longest": 2}, "longest=2"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        Effort(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("losses", [(math.nan,), (1.0, 1.0, math.inf)])
def test_a_loss_that_is_no_number_before_training_is_refused(losses: tuple[float, ...]) -> None:
    class Broken(Bowl):
        def train(self, rates, *, repeat=0):
            return Trial(tuple(rates[: len(losses)]), losses)

    with pytest.raises(ArgumentError, match="before anything is trained"):
        search(Broken(), Effort())


@pytest.mark.parametrize(
    ("longest", "lengths", "tried"), [(None, (24, 144), 48), (60, (10, 60), 20), (30, (8, 30), 10), (8, (8,), 8)]
)
def test_trainings_are_shorter_where_the_longest_is(longest: int | None, lengths: tuple[int, ...], tried: int) -> None:
    effort = Effort(longest=longest)
    assert (effort.lengths, effort.tried) == (lengths, tried)
    assert search(Bowl(), effort).rate is not None


@pytest.mark.parametrize(("low", "high"), [(1e-3, 1.1e-3), (1e-9, 1e-8), (50.0, 100.0)])
def test_a_narrow_range_is_searched_too(low: float, high: float) -> None:
    found = search(Bowl(), Effort(low=low, high=high))
    assert all(low <= rate <= high for done in found.short_trainings.rounds for rate in done.rates)


def test_no_rate_outside_of_the_range_is_tried() -> None:
    tried: set[float] = set()

    class Noted(Bowl):
        def train(self, rates, *, repeat=0):
            tried.update(rates)
            return super().train(rates, repeat=repeat)

    search(Noted(curvature=0.01), Effort(low=1e-3, high=0.5))
    assert min(tried - {0.0}) >= 1e-3 * (1 - 1e-9)
    assert max(tried) <= 0.5 * (1 + 1e-9)
