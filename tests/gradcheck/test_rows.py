from dataclasses import replace

import pytest
import torch

from unstuck.gradcheck.differences import Evaluator
from unstuck.gradcheck.judge import Judged, State
from unstuck.gradcheck.problem import build
from unstuck.gradcheck.rows import row

PROBLEM = build(torch.sin, None, torch.zeros(2, 3), None, dtype=torch.float64)
EVALUATOR = Evaluator(problem=PROBLEM, base=0.0, size=6, rounding=0.0)


def judged(a: list[float], n: list[float], state: list[State]) -> Judged:
    analytic, numerical = torch.tensor(a, dtype=torch.float64), torch.tensor(n, dtype=torch.float64)
    return Judged(
        places=torch.arange(len(a)),
        analytic=analytic,
        numerical=numerical,
        error=(analytic - numerical).abs(),
        state=torch.tensor([int(s) for s in state]),
        remarkable=torch.zeros(len(a), dtype=torch.bool),
    )


RIGHT, TINY, KINK, OUTSIDE, WRONG = State.RIGHT, State.TINY, State.KINK, State.OUTSIDE, State.WRONG


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([RIGHT, RIGHT], "right"),
        ([RIGHT, KINK], "right"),
        ([TINY, KINK], "kink"),
        ([OUTSIDE, OUTSIDE], "kink"),
        ([TINY, TINY], "precision"),
        ([KINK, WRONG], "wrong"),
    ],
)
def test_a_tensor_is_as_its_coordinates_are(states: list[State], verdict: str) -> None:
    found = row(EVALUATOR, "input", judged([1.0, 2.0], [1.0, 2.0], states), faint=0.5)
    assert found.verdict == verdict
    assert (found.kinks, found.outside) == (states.count(KINK), states.count(OUTSIDE))
    none = row(EVALUATOR, "input", judged([1.0, 2.0], [1.0, 2.0], [TINY, TINY]), faint=3.0)
    assert none.verdict == "right"


@pytest.mark.parametrize(
    ("a", "n", "pattern"),
    [
        ([1.0, -2.0], [0.0, 0.0], "straight-through"),
        ([1.0, 0.0], [1e-9, 0.0], "straight-through"),
        ([1.0, -2.0], [0.0, -2.0], ""),
        ([1.0, -2.0], [-1.0, 2.0], "reversal"),
        ([1.0, -2.0], [-1.0, 2.001], ""),
        ([0.3, -0.6], [-1.0, 2.0], "reversal"),
        ([1.0, 2.0], [-1.0, 2.0], ""),
        ([2.0, 4.0], [1.0, 2.0], ""),
    ],
)
def test_what_the_wrong_ones_have_in_common(a: list[float], n: list[float], pattern: str) -> None:
    assert row(EVALUATOR, "input", judged(a, n, [WRONG, WRONG]), faint=0.0).pattern == pattern


def test_the_worst_is_the_largest_in_absolute_terms() -> None:
    found = row(EVALUATOR, "input", judged([1.0, 9.0, 0.1], [0.0, 5.0, 5.0], [WRONG] * 3), faint=0.0)
    assert found.wrong == ((0, 2), (0, 1), (0, 0))
    assert (found.analytic, found.numerical) == (0.1, 5.0)


def test_remarkable_ones_are_placed() -> None:
    given = replace(judged([1.0, 2.0], [1.0, 2.0], [RIGHT, RIGHT]), remarkable=torch.tensor([False, True]))
    assert row(EVALUATOR, "input", given, faint=0.0).remarkable == ((0, 1),)


@pytest.mark.parametrize(
    ("a", "n", "factor"),
    [([2.0, 4.0], [1.0, 2.0], 2.0), ([1.0, 2.0], [-2.0, -4.0], -0.5), ([1.0, 2.0], [1.0, 3.0], 0.0)],
)
def test_one_factor_for_all_is_given(a: list[float], n: list[float], factor: float) -> None:
    assert row(EVALUATOR, "input", judged(a, n, [WRONG, WRONG]), faint=0.0).factor == pytest.approx(factor)
