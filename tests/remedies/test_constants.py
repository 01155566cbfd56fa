from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from unstuck.remedies.constants import constants


def halved(optimizer: Optimizer, group: dict[str, Any]) -> dict[str, Any]:
    return {"lr": 0.5 * group["lr"], "no such constant": 1}


def test_hooks_before_and_behind_the_step_see_the_constants_it_is_made_with() -> None:
    weight, seen = torch.ones(1, requires_grad=True), []

    def look(optimizer: Optimizer, args: object, kwargs: object) -> None:
        seen.append(optimizer.param_groups[0]["lr"])

    optimizer = torch.optim.SGD([weight], lr=1.0)
    with constants(halved, lambda: None):
        hooks = [register_optimizer_step_pre_hook(look), register_optimizer_step_post_hook(look)]
        for _ in range(2):
            weight.sum().backward()
            optimizer.step()
            assert optimizer.param_groups[0]["lr"] == 1.0
    for hook in hooks:
        hook.remove()
    assert seen == [0.5] * 4
    assert all(rate is seen[0] for rate in seen)


def test_two_changes_of_one_constant_are_put_back_in_the_reverse_order() -> None:
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with constants(halved, lambda: None), constants(halved, lambda: None):
        weight.sum().backward()
        optimizer.step()
    assert weight.item() == pytest.approx(0.75)
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_an_effect_is_told_only_where_a_constant_differs() -> None:
    weight, effects = torch.ones(1, requires_grad=True), []
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with constants(lambda optimizer, group: {"lr": 1.0}, lambda: effects.append(1)):
        optimizer.step()
    assert effects == []
