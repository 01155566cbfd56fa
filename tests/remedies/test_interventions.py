from __future__ import annotations

import torch

from unstuck.remedies.interventions import after_updates, before_backward, before_updates


def test_passes_within_a_pass_are_not_told() -> None:
    weight, told = torch.ones(3, requires_grad=True), []

    def around(x: torch.Tensor) -> torch.Tensor:
        return torch.utils.checkpoint.checkpoint(lambda y: y.square(), x, use_reentrant=True)

    original = torch.autograd.backward
    with before_backward(lambda: told.append("backward")):
        around(weight).sum().backward()
        torch.autograd.backward(weight.sum())
    assert told == ["backward", "backward"]
    assert torch.autograd.backward is original


def test_updates_are_told_before_and_behind() -> None:
    weight, told = torch.ones(1, requires_grad=True), []
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.sum().backward()
    with before_updates(lambda _: told.append(weight.item())), after_updates(lambda _: told.append(weight.item())):
        optimizer.step()
    optimizer.step()
    assert told == [1.0, 0.0]
