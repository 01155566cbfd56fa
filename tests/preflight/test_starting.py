from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject
from unstuck.preflight.starting import regularisation, starting_loss

Make = Callable[..., Subject]


def test_the_first_loss_has_number_expectation_and_tolerance(subject: Make) -> None:
    check = starting_loss(subject())
    assert check.status == "passed"
    assert "ln C, C = 3" in check.expected
    assert check.tolerance is not None


def test_a_sum_and_large_weights_have_different_causes(subject: Make) -> None:
    summed = starting_loss(subject(loss=nn.CrossEntropyLoss(reduction="sum")))
    assert (summed.status, summed.cause) == ("failed", "loss-reduction-wrong")
    model = nn.Linear(8, 3)
    model.weight.data.mul_(100)
    large = starting_loss(subject(model))
    assert (large.status, large.cause) == ("failed", "init-scale-wrong")


def penalty(model: nn.Module) -> Tensor:
    return torch.stack([1e-3 * p.square().sum() for p in model.parameters()]).sum()


def test_a_penalty_must_raise_the_loss(subject: Make) -> None:
    assert regularisation(subject(regularisation=penalty)).status == "passed"
    wrong = regularisation(subject(regularisation=lambda model: -penalty(model)))
    assert wrong.status == "failed"
    heavy = regularisation(subject(regularisation=lambda model: 1e6 * penalty(model)))
    assert heavy.status == "noted"


def test_weight_decay_counts_as_a_penalty(subject: Make) -> None:
    model = nn.Linear(8, 3)
    check = regularisation(subject(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.02)))
    assert check.value is not None
    expected = 0.01 * sum(float(p.detach().square().sum()) for p in model.parameters())
    assert abs(check.value - expected) < 1e-6
    assert regularisation(subject(model, functional.cross_entropy)).status == "skipped"
