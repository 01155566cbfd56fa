"""Statistics of activations, compared with slow and obvious ones; of what is spread over processes, the part here."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.distributed.tensor import DTensor, Partial, Shard
from torch.nn import functional as F
from torch.optim import SGD

from unstuck.observe.collectors.activations import (
    ACTIVATION_FUNCTIONS,
    BATCHES_UNTIL_DEAD,
    Activations,
    Nonlinearity,
    nonlinearity_of,
)
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import signals
from unstuck.record.signals import HISTOGRAM_BINS

LINEAR, RECTIFIER, SIGMOID = Nonlinearity(), Nonlinearity(rectifier=True), Nonlinearity(bounds=(0.0, 1.0))


@pytest.fixture
def activations() -> Activations:
    return Activations(View(roots=Roots(SGD([nn.Parameter(torch.ones(1))], lr=0.1))))


def measured(activations: Activations) -> dict[str, Any]:
    """The sample of the step by keys of signals."""
    measurement = activations.update(None)
    assert measurement is not None
    sample = measurement.decode([tensor.reshape(-1).tolist() for tensor in measurement.tensors])
    return {signal.key: values for signal, values in sample.items()}


def test_statistics_are_their_definitions(activations: Activations) -> None:
    torch.manual_seed(0)
    values = torch.rand(30, 20, dtype=torch.float64)
    values[values < 0.2] = 0.0
    activations.observe("layer", values, SIGMOID)
    sample = measured(activations)
    expected = {
        "activation_mean": values.mean(),
        "activation_std": values.std(correction=0),
        "activation_min": values.min(),
        "activation_max": values.max(),
        "activation_zeros": (values == 0).double().mean(),
        "activation_saturated": ((values < 0.01) | (values > 0.99)).double().mean(),
        "activation_nonfinite": 0.0,
    }
    for key, value in expected.items():
        assert sample[key] == [pytest.approx(float(value), rel=1e-5)], key
    (histogram,) = sample["activation_histogram"]
    assert histogram == torch.histc(values.float(), bins=HISTOGRAM_BINS).tolist()
    assert math.isnan(sample["dead_units"][0])


def test_only_what_is_bounded_saturates(activations: Activations) -> None:
    activations.observe("layer", torch.rand(4, 3), Nonlinearity())
    assert math.isnan(measured(activations)["activation_saturated"][0])


def test_values_that_are_not_finite_are_counted(activations: Activations) -> None:
    activations.observe("layer", torch.tensor([[1.0, torch.nan], [torch.inf, -torch.inf]]), Nonlinearity())
    sample = measured(activations)
    assert sample["activation_nonfinite"] == [3.0]
    assert sum(sample["activation_histogram"][0]) == 4.0


@pytest.mark.parametrize("values", [torch.ones(3, dtype=torch.int64), torch.empty(0, 2), torch.ones(2, device="meta")])
def test_what_has_no_statistics_is_passed_over(activations: Activations, values: Tensor) -> None:
    activations.observe("layer", values, Nonlinearity())
    assert activations.update(None) is None
    assert activations.layers == []


@pytest.mark.parametrize("shape", [(8, 4), (8, 4, 3, 3), (8, 5, 4), (8, 4, 6)])
def test_a_unit_is_dead_after_many_batches_at_zero(activations: Activations, shape: tuple[int, ...]) -> None:
    unit = shape.index(4)
    for batch in range(BATCHES_UNTIL_DEAD + 3):
        activations.begin()
        values = torch.ones(shape)
        values.select(unit, 1).zero_()
        if batch != 2:
            values.select(unit, 2).zero_()  # alive in the third batch for the last time
        activations.observe("layer", values, RECTIFIER)
        (dead,) = measured(activations)["dead_units"]
        if batch < BATCHES_UNTIL_DEAD - 1:
            assert math.isnan(dead)
        else:
            assert dead == (0.25 if batch < BATCHES_UNTIL_DEAD + 2 else 0.5)


def test_a_layer_that_does_not_run_has_no_numbers_and_keeps_its_place(activations: Activations) -> None:
    activations.observe("first", torch.full((2, 2), 1.0), Nonlinearity())
    activations.observe("second", torch.full((2, 2), 2.0), Nonlinearity())
    activations.observe("second", torch.full((2, 2), 9.0), Nonlinearity())
    assert measured(activations)["activation_mean"] == [1.0, 2.0]
    activations.begin()
    activations.observe("second", torch.full((2, 2), 3.0), Nonlinearity())
    first, second = measured(activations)["activation_mean"]
    assert math.isnan(first)
    assert second == 3.0
    assert activations.layers == ["first", "second"]


class Net(nn.Module):
    """Functional activations in it, twice the same, a pooling that tells nothing, and a layer of a user's in it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.inner = nn.Linear(3, 4), nn.Dropout(0.0), nn.Sequential(nn.Linear(4, 4), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.inner(torch.relu(self.drop(self.first(x)))))


def test_layers_and_functional_activations_are_seen_and_passive_layers_are_not(watched: Any) -> None:
    model, x = Net(), torch.randn(5, 3)
    with watched(model) as step:
        output = model(x)
        F.relu(output)  # outside of the model it is none of its layers
        sample = step.update()
    assert step.collectors.one(Activations).layers == ["first", "relu", "inner.0", "inner.1", "relu_2"]
    assert sample["activation_max"][-1] == pytest.approx(output.max().item())
    assert sample["activation_saturated"][3] >= 0.0


def test_a_module_of_torch_that_calls_a_functional_is_one_layer(watched: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.GELU())
    with watched(model) as step:
        model(torch.randn(5, 3))
        step.update()
    assert step.collectors.one(Activations).layers == ["0", "1", "2"]


def test_evaluations_are_not_measured(watched: Any) -> None:
    model = Net()
    with watched(model) as step, torch.no_grad():
        model(torch.randn(5, 3))
        sample = step.update()
    assert signals.ACTIVATION_MEAN.key not in sample


@pytest.mark.parametrize("module", [nn.ReLU(), nn.ReLU6(), nn.Sigmoid(), nn.Hardsigmoid(), nn.Tanh(), nn.Hardtanh()])
def test_what_is_said_of_a_nonlinearity_is_so(module: nn.Module) -> None:
    known, x = nonlinearity_of(module), torch.linspace(-100.0, 100.0, 401)
    output = module(x)
    assert known.rectifier == bool((output[x < 0] == 0).all() and output[x > 0].gt(0).all())
    if known.bounds is not None:
        assert (output.min().item(), output.max().item()) == pytest.approx(known.bounds)


@pytest.mark.parametrize("function", ACTIVATION_FUNCTIONS)
def test_functions_do_what_their_nonlinearity_says(function: Any) -> None:
    _, known = ACTIVATION_FUNCTIONS[function]
    output = function(torch.linspace(-100.0, 100.0, 401))
    assert known.rectifier == bool((output[:200] == 0).all() and known.bounds is None)
    if known.bounds is not None:
        assert (output.min().item(), output.max().item()) == pytest.approx(known.bounds)


def test_of_a_shard_the_part_here_is_measured_and_of_a_summand_nothing(
    activations: Activations, two_ranks: Any
) -> None:
    part = torch.full((4, 3), 2.0)
    activations.observe("shard", DTensor.from_local(part, two_ranks, [Shard(0)], run_check=False), RECTIFIER)
    activations.observe("summand", DTensor.from_local(part, two_ranks, [Partial()], run_check=False), LINEAR)
    assert measured(activations)["activation_mean"] == [2.0]
    assert activations.layers == ["shard"]


@pytest.mark.parametrize("changed", [False, True])
def test_a_result_is_measured_once_the_program_has_waited_for_it_unless_it_has_changed(
    activations: Activations, changed: bool
) -> None:
    awaited = AsyncCollectiveTensor(torch.full((4, 3), 2.0))
    never = AsyncCollectiveTensor(torch.ones(4, 3))
    activations.observe("layer", awaited, LINEAR)
    activations.observe("never", never, LINEAR)
    awaited.trigger_wait()
    if changed:
        awaited.add_(1.0)
    if changed:
        assert activations.update(None) is None
    else:
        assert measured(activations)["activation_mean"] == [2.0]
    assert not never.completed
