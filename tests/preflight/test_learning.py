from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject
from unstuck.preflight.learning import data_says_something, overfits

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


class Constant(nn.Module):
    """Sees its input, and says nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(0.0 * x)


def test_a_model_that_does_not_see_its_input_fails_both(subject: Make) -> None:
    assert overfits(subject(Constant()), steps=50).status != "passed"
    check = data_says_something(subject(Constant()))
    assert check.status == "failed"
    assert check.cause == "labels-mismatched"


def test_a_loss_that_is_cut_off_fails_with_its_cause(subject: Make) -> None:
    check = data_says_something(subject(loss=lambda o, t: functional.cross_entropy(o.detach(), t)))
    assert (check.status, check.cause) == ("failed", "graph-detached")


def test_labels_apart_from_their_inputs_are_found(subject: Make) -> None:
    x = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
    y = x[:, :3].argmax(dim=1)
    batches = [(x[i : i + 100], y[i : i + 100]) for i in range(0, 600, 100)]
    right = data_says_something(subject(data=batches))
    assert right.status == "passed", right.reason

    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(3))

        def forward(self, x: Tensor) -> Tensor:
            return self.bias + x[:, :3] * 0

    wrong = data_says_something(subject(Blind(), data=batches))
    assert wrong.status == "failed"
    assert wrong.tolerance is not None
