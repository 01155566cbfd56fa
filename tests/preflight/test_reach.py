import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unstuck.preflight import Subject
from unstuck.preflight.examples import no_mixing
from unstuck.preflight.reach import flow, parameters_reached, repeats

Make = Callable[..., Subject]


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


def test_a_layer_without_gradient_is_named(subject: Make) -> None:
    check = parameters_reached(subject(Unused()))
    assert (check.status, check.cause) == ("failed", "graph-detached")
    assert "spare.weight" in check.reason


class Checkpointed(nn.Module):
    def __init__(self, first: nn.Module) -> None:
        super().__init__()
        self.first, self.inside, self.last = first, nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(checkpoint(self.inside, self.first(x), use_reentrant=True))


@pytest.mark.filterwarnings("ignore:None of the inputs")
def test_a_reentrant_checkpoint_is_named_where_it_cuts_and_runs_where_it_does_not(subject: Make) -> None:
    cut = subject(Checkpointed(nn.Identity()))
    check = parameters_reached(cut)
    assert (check.status, check.cause) == ("failed", "graph-detached")
    assert "inside.weight" in check.reason
    assert "use_reentrant=False" in check.advice
    sound = subject(Checkpointed(nn.Linear(8, 8)))
    assert [part(sound).status for part in (parameters_reached, flow, repeats, no_mixing)] == ["passed"] * 4


def test_a_layer_that_the_optimizer_does_not_hold_is_named(subject: Make) -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 3))
    check = parameters_reached(subject(model, optimizer=torch.optim.SGD(model[2].parameters(), lr=0.1)))
    assert (check.status, check.cause) == ("failed", "parameters-not-optimized")
    assert "0.weight" in check.reason


def test_frozen_layers_are_no_fault(subject: Make) -> None:
    model = nn.Sequential(nn.Linear(8, 4).requires_grad_(False), nn.ReLU(), nn.Linear(4, 3))
    check = parameters_reached(subject(model, optimizer=torch.optim.SGD(model[2].parameters(), lr=0.1)))
    assert check.status == "passed"
    assert "2 frozen" in check.reason


def test_vanishing_and_dead_layers_are_found(subject: Make) -> None:
    torch.manual_seed(0)
    deep = nn.Sequential(*[part for _ in range(8) for part in (nn.Linear(8, 8), nn.Tanh())], nn.Linear(8, 3))
    assert flow(subject(deep)).status == "passed"
    for parameter in deep.parameters():
        parameter.data.mul_(0.1)
    small = flow(subject(deep))
    assert (small.status, small.cause) == ("failed", "init-scale-wrong")
    dead = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    dead[0].bias.data.fill_(-50)
    assert "zeros" in flow(subject(dead)).reason


def test_each_layer_has_the_distribution_of_its_activations_and_gradients(subject: Make) -> None:
    check = flow(subject())
    assert [(h.of, h.name) for h in check.histograms] == [
        ("activations", "0"),
        ("activations", "3"),
        ("gradients", "0.weight"),
        ("gradients", "3.weight"),
    ]
    assert all(sum(h.counts) > 0 for h in check.histograms)


def test_own_randomness_is_found(subject: Make) -> None:
    assert repeats(subject()).status == "passed"

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs * (1 + time.perf_counter_ns() % 997), targets)

    check = repeats(subject(loss=loss))
    assert (check.status, check.cause) == ("failed", "not-repeatable")


def test_a_loss_that_is_no_number_repeats_nothing(subject: Make) -> None:
    assert repeats(subject(loss=lambda outputs, _: outputs.sum() * float("nan"))).status == "skipped"


def test_a_model_all_of_whose_layers_are_frozen_is_a_fault(subject: Make) -> None:
    check = parameters_reached(subject(nn.Linear(8, 3).requires_grad_(False)))
    assert (check.status, check.cause) == ("failed", "parameters-not-optimized")


class Counting(nn.Linear):
    def __init__(self) -> None:
        super().__init__(8, 3)
        self.counts = nn.Parameter(torch.tensor([1, 2, 3]), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.counts


def test_a_parameter_of_whole_numbers_is_named(subject: Make) -> None:
    check = parameters_reached(subject(Counting()))
    assert check.status == "noted"
    assert "counts of whole numbers" in check.reason
