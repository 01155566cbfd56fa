from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject
from unstuck.preflight.labels import data_says_something
from unstuck.preflight.learning import overfits

Make = Callable[..., Subject]


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


def test_random_labels_are_a_fault_where_enough_examples_are_held_out(
    subject: Make,
) -> None:
    def random(count: int) -> tuple[Tensor, Tensor]:
        drawn = torch.Generator().manual_seed(1)
        return torch.randn(count, 8, generator=drawn), torch.randint(3, (count,), generator=drawn)

    many = data_says_something(subject(data=random(1000)))
    assert (many.status, many.cause) == ("failed", "labels-mismatched"), many.reason
    few = data_says_something(subject(nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 3)), data=random(100)))
    assert few.status == "skipped", few.reason
    assert "25 held out are too few" in few.reason
    x, _ = random(100)
    right = data_says_something(subject(data=(x, x[:, :3].argmax(dim=1)), validation=random(400)))
    assert (right.status, right.cause) == ("failed", "labels-mismatched"), "the validation part is what is measured"
    assert "400 examples held out" in right.reason


def test_labels_of_whole_numbers_as_inputs_are_looked_at_too(subject: Make) -> None:
    ids = torch.randint(10, (200, 4), generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.Embedding(10, 8), nn.Flatten(), nn.Linear(32, 2))
    check = data_says_something(subject(model, data=(ids, (ids[:, 0] > 4).long())))
    assert check.status == "passed", check.reason


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
