import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unstuck.train import Tally
from unstuck.train.tally import TOGETHER


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3 * TOGETHER + 1))
def test_means_are_those_of_all_examples_together(sizes: list[int]) -> None:
    generator = torch.Generator().manual_seed(sum(sizes))
    outputs = torch.randn(sum(sizes), 4, generator=generator)
    targets = torch.randint(4, (sum(sizes),), generator=generator)
    tally = Tally()
    for some_outputs, some_targets in zip(outputs.split(sizes), targets.split(sizes), strict=True):
        tally.add(torch.nn.functional.cross_entropy(some_outputs, some_targets), some_outputs, some_targets)
    means = tally.means()
    assert means.examples == sum(sizes)
    assert means.loss == pytest.approx(torch.nn.functional.cross_entropy(outputs, targets).item(), rel=1e-4)
    assert means.accuracy == pytest.approx((outputs.argmax(1) == targets).float().mean().item(), abs=1e-6)
    assert not tally.diverged


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_noticed_after_a_few_batches(value: float) -> None:
    tally = Tally()
    for batch in range(2 * TOGETHER):
        tally.add(torch.tensor(value if batch == 3 else 1.0), torch.zeros(2, 1), torch.zeros(2, 1))
        if tally.diverged:
            assert batch < TOGETHER
            return
    pytest.fail("not noticed")


def test_the_last_few_batches_are_looked_at_too() -> None:
    tally = Tally()
    tally.add(torch.tensor(math.nan), torch.zeros(2, 1), torch.zeros(2, 1))
    assert math.isnan(tally.means().loss)
    assert tally.diverged


@pytest.mark.parametrize(
    ("outputs", "targets", "accuracy"),
    [
        (torch.zeros(4, 1), torch.zeros(4, 1), None),
        (torch.zeros(4), torch.zeros(4, dtype=torch.int64), None),
        (torch.tensor([[2.0], [-1.0], [3.0], [0.0]]), torch.tensor([1, 0, 0, 1]), 0.5),
        (torch.zeros(4, 3), torch.zeros(4, 3, dtype=torch.int64), None),
        (torch.eye(3).expand(2, 3, 3), torch.arange(3).expand(2, 3), 1.0),
    ],
)
def test_accuracy_is_for_classes_alone(outputs: torch.Tensor, targets: torch.Tensor, accuracy: float | None) -> None:
    tally = Tally()
    tally.add(torch.tensor(1.0), outputs, targets)
    assert tally.means().accuracy == accuracy


def test_real_targets_are_yes_and_no_where_the_loss_says_so() -> None:
    tally = Tally(yes_or_no=True)
    tally.add(
        torch.tensor(1.0), torch.tensor([[2.0], [-1.0], [3.0], [-2.0]]), torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    )
    assert tally.means().accuracy == 0.75


def test_nothing_added_has_no_mean() -> None:
    means = Tally().means()
    assert math.isnan(means.loss)
    assert means.examples == 0
