import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from unstuck.errors import ArgumentError
from unstuck.nn import WestonWatkinsLoss, binary_cross_entropy, weston_watkins


def by_loop(scores: torch.Tensor, targets: torch.Tensor) -> float:
    total = 0.0
    for row, right in zip(scores.tolist(), targets.tolist(), strict=True):
        total += sum(max(0.0, 1.0 + score - row[right]) for j, score in enumerate(row) if j != right)
    return total / len(scores)


@given(st.integers(1, 20), st.integers(2, 12), st.floats(0.0, 10.0), st.integers(0, 1000))
def test_it_is_the_sum_over_the_wrong_classes(examples: int, classes: int, spread: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(examples, classes, generator=generator, dtype=torch.float64)
    targets = torch.randint(classes, (examples,), generator=generator)
    value = float(weston_watkins(scores, targets))
    assert math.isclose(value, by_loop(scores, targets), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(value, classes * float(functional.multi_margin_loss(scores, targets)), abs_tol=1e-9)


def test_equal_scores_give_one_for_each_wrong_class() -> None:
    assert float(weston_watkins(torch.full((5, 7), 0.3), torch.arange(5))) == pytest.approx(6.0)


def test_its_gradient_is_that_of_finite_differences() -> None:
    scores = torch.randn(4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: weston_watkins(s, torch.tensor([0, 4, 2, 2])), scores)


def test_each_place_of_a_sequence_counts_as_an_example() -> None:
    scores, targets = torch.randn(2, 5, 3), torch.randint(5, (2, 3))
    flat = weston_watkins(scores.transpose(1, 2).reshape(6, 5), targets.reshape(6))
    torch.testing.assert_close(WestonWatkinsLoss()(scores, targets), flat)


@pytest.mark.parametrize("targets", [torch.zeros(3), torch.zeros(3, 1, dtype=torch.int64), torch.tensor([0, 1])])
def test_targets_that_are_no_class_ids_are_refused(targets: torch.Tensor) -> None:
    with pytest.raises(ArgumentError, match=r"targets=.*scores of shape \(3, 2\) one class id each"):
        weston_watkins(torch.zeros(3, 2), targets)


@given(st.lists(st.tuples(st.floats(-700.0, 700.0), st.booleans()), min_size=1, max_size=20))
def test_binary_cross_entropy_is_the_softplus_of_a_wrong_score(examples: list[tuple[float, bool]]) -> None:
    scores = torch.tensor([[score] for score, _ in examples], dtype=torch.float64)
    targets = torch.tensor([int(yes) for _, yes in examples])
    slow = sum(math.log1p(math.exp(-score if yes else score)) for score, yes in examples) / len(examples)
    assert math.isclose(float(binary_cross_entropy(scores, targets)), slow, rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(float(binary_cross_entropy(scores[:, 0], targets)), slow, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("scores", "targets"),
    [
        (torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(3, 1), torch.zeros(3)),
        (torch.zeros(2, 1), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(3, 1), torch.zeros(3, 1, dtype=torch.int64)),
    ],
)
def test_binary_cross_entropy_takes_one_score_and_one_id_an_example(
    scores: torch.Tensor, targets: torch.Tensor
) -> None:
    with pytest.raises(ArgumentError, match=r"targets=.* one class id each is accepted, 0 or 1"):
        binary_cross_entropy(scores, targets)
