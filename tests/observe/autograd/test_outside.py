"""Inputs and targets as a graph holds them; what the model makes or learns is neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe.autograd.outside import given

X, Y = torch.rand(6, 3), torch.rand(6, 1)


@pytest.mark.parametrize("loss", [F.mse_loss, F.smooth_l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits])
def test_input_and_target_are_the_tensors_of_the_program(loss: Callable[..., Tensor]) -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    found = {one.role: one.values for one in given(loss(model(X), Y))}
    assert torch.equal(found["input"], X)
    assert torch.equal(found["target"], Y)


@pytest.mark.parametrize(
    ("layer", "batch"),
    [
        *((nn.Conv2d(2, 3, 3), torch.rand(4, 2, 5, 5)), (nn.LSTM(2, 3), torch.rand(5, 4, 2))),
        *((nn.LayerNorm(3), X), (nn.BatchNorm1d(3), X), (nn.Linear(3, 2, bias=False), X)),
    ],
)
def test_inputs_of_each_kind_of_layer_are_found(layer: nn.Module, batch: Tensor) -> None:
    output = layer(batch)
    (one,) = given((output[0] if isinstance(output, tuple) else output).sum())
    assert (one.role, one.values.numel()) == ("input", batch.numel())


def test_frozen_weights_classes_and_masks_are_left_out() -> None:
    frozen, head = nn.Linear(3, 8).requires_grad_(False), nn.Linear(8, 4)
    scale = torch.rand(6, 4)
    loss = F.cross_entropy(head(frozen(X)) * scale, torch.randint(4, (6,)))
    assert [(one.role, one.values.shape) for one in given(loss)] == [("input", (6, 8))]


def test_what_hooks_have_packed_is_not_unpacked() -> None:
    def unpack(packed: Tensor) -> Tensor:
        raise AssertionError("the program's own code ran")

    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, unpack):
        loss = F.mse_loss(nn.Linear(3, 1)(X), Y)
    assert not list(given(loss))


def test_a_loss_without_a_graph_was_given_nothing() -> None:
    assert not list(given(torch.tensor(1.0)))
