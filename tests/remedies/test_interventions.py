from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unstuck.remedies.interventions import (
    Exchange,
    after_updates,
    around_backward,
    around_modules,
    around_steps,
    before_updates,
    calls,
    in_module,
    outermost,
)


def test_passes_within_a_pass_are_not_told() -> None:
    weight, told = torch.ones(3, requires_grad=True), []

    def around(x: torch.Tensor) -> torch.Tensor:
        return torch.utils.checkpoint.checkpoint(lambda y: y.square(), x, use_reentrant=True)

    def tell(run: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        told.append("backward")
        return run(*args, **kwargs)

    original = torch.autograd.backward
    with around_backward(tell):
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


class Scaled(nn.Module):
    def forward(self, x: torch.Tensor, *, factor: float = 1.0) -> torch.Tensor:
        return factor * x


def test_modules_are_exchanged_and_the_outermost_is_known() -> None:
    seen = []

    def change(module: nn.Module, run: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen.append((type(module).__name__, outermost(module), in_module()))
        return run(*args, **kwargs)

    model = nn.Sequential(Scaled())
    with around_modules(change), around_modules(change):
        model(torch.ones(1))
        Scaled()(torch.ones(1), factor=2.0)
    expected = [("Sequential", True), ("Sequential", True), ("Scaled", False), ("Scaled", False)]
    assert [(name, first) for name, first, _ in seen] == [*expected, ("Scaled", True), ("Scaled", True)]
    assert seen[0][2] is False
    assert seen[2][2] is True
    assert not in_module()


def test_a_module_that_raises_is_no_longer_running() -> None:
    class Failing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError

    with around_modules(lambda module, run, args, kwargs: run(*args, **kwargs)):
        with pytest.raises(ValueError):
            nn.Sequential(Failing())(torch.ones(1))
        assert not in_module()


def test_functions_are_exchanged_in_every_spelling() -> None:
    doubled: Exchange = lambda run, args, kwargs: 2 * run(*args, **kwargs)
    with calls({F.relu: doubled, torch.Tensor.sum: doubled}):
        assert nn.ReLU()(torch.ones(1)).item() == 2.0
        assert F.relu(torch.ones(1)).item() == 2.0
        assert torch.ones(2).sum().item() == 4.0
    assert F.relu(torch.ones(1)).item() == 1.0


def test_a_step_is_replaced_and_its_closure_still_called() -> None:
    weight, called = torch.ones(1, requires_grad=True), []

    def closure() -> float:
        called.append(1)
        return 0.5

    def step(optimizer: torch.optim.Optimizer) -> None:
        weight.mul_(10.0)

    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.ones(1)
    with around_steps(lambda _: True, step):
        assert optimizer.step(closure) == 0.5
    assert weight.item() == 10.0
    assert called == [1]
    optimizer.step()
    assert weight.item() == 9.0
