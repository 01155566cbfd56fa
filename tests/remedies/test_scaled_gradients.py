from __future__ import annotations

import torch

from unstuck.remedies.scaled_gradients import scaled_gradients


def test_gradients_are_scaled_and_losses_are_not() -> None:
    weight = torch.tensor([3.0], requires_grad=True)
    with scaled_gradients(lambda: -2.0):
        loss = weight.square().sum()
        loss.backward()
        torch.autograd.backward([weight.sum(), weight.sum()], [torch.tensor(1.0), torch.tensor(10.0)])
        (returned,) = torch.autograd.grad(weight.square().sum(), weight)
    assert loss.item() == 9.0
    assert weight.grad is not None
    assert weight.grad.item() == -12.0 - 22.0
    assert returned.item() == -12.0
