from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from unstuck.preflight import Subject
from unstuck.preflight.learning import overfits

Make = Callable[..., Subject]


def test_twenty_examples_are_learned_by_heart_with_dropout_off(subject: Make) -> None:
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Dropout(0.9), nn.Linear(64, 3))
    check = overfits(subject(model))
    assert check.status == "passed", check.reason
    assert "random pixels" in check.reason
    assert check.curves[0].y[-1] < check.curves[0].y[0]


def test_random_labels_can_be_learned_by_heart_too(subject: Make) -> None:
    data = torch.randn(50, 8), torch.randint(3, (50,))
    assert overfits(subject(data=data)).status == "passed"


def test_smoothed_labels_leave_their_entropy(subject: Make) -> None:
    check = overfits(subject(loss=nn.CrossEntropyLoss(label_smoothing=0.1)))
    assert check.status == "passed", check.reason
    assert check.value is not None
    assert check.value > 0.2


def test_a_model_too_small_by_count_is_noted_and_one_that_should_manage_fails(subject: Make) -> None:
    x = torch.randn(40, 1)
    data = x, torch.sin(20 * x)
    assert overfits(subject(nn.Linear(1, 1), functional.mse_loss, data), steps=50).status == "noted"
    linear_only = nn.Sequential(nn.Linear(1, 40), nn.Linear(40, 1))
    assert overfits(subject(linear_only, functional.mse_loss, data), steps=50).status == "failed"


def test_nothing_to_train_is_no_fault_of_this_check(subject: Make) -> None:
    frozen = nn.Linear(8, 3).requires_grad_(False)
    for given in (subject(frozen), subject(loss=lambda o, t: o.sum() * float("nan"))):
        assert overfits(given).status == "skipped"
