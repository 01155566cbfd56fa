"""Statistics of activations against their definitions, and of what is spread over processes those of the part here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.distributed.tensor import DTensor, Partial, Shard

from unstuck.observe.collectors.activations import Activations, nonlinearity_of
from unstuck.record import signals

LINEAR, RECTIFIER, SIGMOID = map(nonlinearity_of, (nn.Linear(1, 1), nn.ReLU(), nn.Sigmoid()))


def sample(activations: Activations) -> dict[Any, Any]:
    return activations.decode([tensor.tolist() for tensor in activations.finish()])


def test_they_are_their_definitions() -> None:
    torch.manual_seed(0)
    values = torch.randn(16, 8).relu()
    activations = Activations()
    activations.observe("layer", values, LINEAR)
    found = sample(activations)
    assert activations.layers == ["layer"]
    assert found[signals.ACTIVATION_MEAN] == [pytest.approx(float(values.mean()), rel=1e-5)]
    assert found[signals.ACTIVATION_STD] == [pytest.approx(float(values.std(correction=0)), rel=1e-5)]
    assert found[signals.ACTIVATION_ZEROS] == [pytest.approx(float((values == 0).float().mean()))]
    assert found[signals.ACTIVATION_MAX] == [pytest.approx(float(values.max()))]
    assert sum(found[signals.ACTIVATION_HISTOGRAM][0]) == 16 * 8


def test_saturation_is_of_bounded_functions_alone() -> None:
    activations = Activations()
    activations.observe("bounded", torch.tensor([[0.001, 0.5, 0.999, 0.4]]), SIGMOID)
    activations.observe("unbounded", torch.tensor([[0.001, 0.5, 0.999, 0.4]]), RECTIFIER)
    bounded, unbounded = sample(activations)[signals.ACTIVATION_SATURATED]
    assert bounded == 0.5
    assert unbounded != unbounded


def test_of_a_shard_the_part_here_is_measured_and_of_a_summand_nothing(two_ranks: Any) -> None:
    part = torch.full((4, 3), 2.0)
    activations = Activations()
    activations.observe("shard", DTensor.from_local(part, two_ranks, [Shard(0)], run_check=False), RECTIFIER)
    activations.observe("summand", DTensor.from_local(part, two_ranks, [Partial()], run_check=False), LINEAR)
    assert sample(activations)[signals.ACTIVATION_MEAN] == [2.0]
    assert activations.layers == ["shard"]


@pytest.mark.parametrize("changed", [False, True])
def test_a_result_is_measured_once_the_program_has_waited_for_it_unless_it_has_changed(changed: bool) -> None:
    awaited = AsyncCollectiveTensor(torch.full((4, 3), 2.0))
    never = AsyncCollectiveTensor(torch.ones(4, 3))
    activations = Activations()
    activations.observe("layer", awaited, LINEAR)
    activations.observe("never", never, LINEAR)
    awaited.trigger_wait()
    if changed:
        awaited.add_(1.0)
    assert sample(activations)[signals.ACTIVATION_MEAN] == ([] if changed else [2.0])
    assert not never.completed
