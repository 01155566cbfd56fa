"""It is said once that what a model computes is spread over processes, and never of ordinary tensors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.nn import functional as F
from torch.optim import SGD

from unstuck.observe.blind_spots import PARTS
from unstuck.observe.collectors.spread_tensors import SpreadTensors
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots

LAYER = torch.nn.Linear(3, 3)


@pytest.fixture
def view() -> View:
    return View(roots=Roots(SGD(LAYER.parameters(), lr=0.1)))


def shown(collector: SpreadTensors, place: str, tensor: Tensor) -> None:
    """Show a tensor where a model may have it."""
    loss = torch.ones((), requires_grad=True)
    if place == "input":
        collector.module(LAYER, ({"x": [tensor]},))
    elif place == "output":
        collector.output(LAYER, (tensor,))
    elif place == "loss":
        collector.call(F.cross_entropy, (tensor, torch.zeros(2)), {}, loss)
    else:
        collector.call(F.cross_entropy, (torch.ones(2, 3), torch.zeros(2)), {"weight": tensor}, loss)


@pytest.mark.parametrize("placement", [Shard(0), Replicate()])
@pytest.mark.parametrize("place", ["input", "output", "loss", "weight"])
def test_it_is_said_once(place: str, placement: Any, view: View, two_ranks: Any) -> None:
    spread = DTensor.from_local(torch.ones(2, 3), two_ranks, [placement], run_check=False)
    collector = SpreadTensors(view)
    for _ in range(2):
        shown(collector, place, spread)
    (event,) = view.noticed
    assert (event.what, event.blinds) == (PARTS, True)


@pytest.mark.parametrize("place", ["input", "output", "loss", "weight"])
def test_nothing_is_said_of_ordinary_tensors(place: str, view: View) -> None:
    shown(SpreadTensors(view), place, torch.ones(2, 3))
    assert not view.noticed


def test_modules_are_told_of_only_where_there_are_several_processes(view: View, request: pytest.FixtureRequest) -> None:
    collector = SpreadTensors(view)
    assert not isinstance(LAYER, collector.kinds)
    request.getfixturevalue("two_ranks")
    assert isinstance(LAYER, collector.kinds)
