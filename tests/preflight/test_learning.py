from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
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


@pytest.mark.parametrize("width", [2, 4, 16])
def test_a_picture_behind_a_bottleneck_is_no_cross_wherever_it_stops(subject: Make, width: int) -> None:
    x = torch.rand(40, 32)
    sizes = (32, 64, width, 64, 32)
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.Tanh())]
    check = overfits(subject(nn.Sequential(*layers[:-1]), functional.mse_loss, (x, x)))
    assert check.status == "passed", check.reason


def test_pictures_that_do_not_depend_on_the_inputs_are(subject: Make) -> None:
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(32, 64), nn.Linear(64, 32))

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(torch.zeros_like(x))

    x = torch.rand(40, 32)
    assert overfits(subject(Mean(), functional.mse_loss, (x, x))).status == "failed"


def test_half_a_picture_is_noted(subject: Make) -> None:
    x = torch.randn(40, 32)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
    check = overfits(subject(model, functional.mse_loss, (x, x)))
    assert (check.status, check.cause) == ("noted", "")
    assert "last activation" in check.advice


def test_a_loss_that_begins_below_zero_is_not_done_at_once(subject: Make) -> None:
    below = lambda o, t: functional.cross_entropy(o, t) - 10.0
    check = overfits(subject(loss=below))
    assert check.status == "passed"
    assert check.value is not None
    assert check.value < -9.9
    assert check.tolerance is None


def test_probabilities_that_come_to_the_entropy_of_grey_pixels_pass(subject: Make) -> None:
    x = torch.rand(40, 16) * 0.6 + 0.2
    model = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 16), nn.Sigmoid())
    check = overfits(subject(model, nn.BCELoss(), (x, x)))
    assert check.status == "passed", check.reason
    assert "is the least that its targets allow" in check.reason
