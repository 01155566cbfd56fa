"""Latent variables are recognised by how they are drawn, and say how much they tell of their examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from unstuck.record import facts

DRAWN: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": lambda mean, std: mean + std * torch.randn_like(std),
    "in place": lambda mean, std: torch.randn_like(std).mul(std).add_(mean),
    "drawn into a copy": lambda mean, std: mean + torch.empty_like(std).normal_() * std,
    "rsample": lambda mean, std: Normal(mean, std).rsample(),
}


class Coder(nn.Module):
    """Encodes rows of five numbers into two, and back."""

    def __init__(self, draw: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.draw, self.encoder, self.decoder = draw, nn.Linear(5, 4), nn.Linear(2, 5)

    def forward(self, x: Tensor) -> Tensor:
        mean, logarithm = self.encoder(x).chunk(2, dim=1)
        return self.decoder(self.draw(mean, logarithm.exp()))


@pytest.fixture
def seen(watched: Any) -> Any:
    def look(draw: Callable[[Tensor, Tensor], Tensor], *, silent: bool = False) -> list[facts.Latent]:
        torch.manual_seed(0)
        model = Coder(draw)
        if silent:
            nn.init.zeros_(model.encoder.weight)
            nn.init.zeros_(model.encoder.bias)
        with watched(model) as step:
            x = torch.randn(32, 5)
            (model(x) - x).square().mean().backward()
            step.update()
        return step.facts(facts.Latent)

    return look


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN.keys())
def test_each_way_to_draw_is_known(seen: Any, draw: Callable[[Tensor, Tensor], Tensor]) -> None:
    (fact,) = seen(draw)
    assert (fact.size, fact.examples, fact.active) == (2, 32, 2)
    assert fact.nats > 0.1
    assert fact.file == __file__


def test_a_code_that_is_the_same_for_all_says_nothing(seen: Any) -> None:
    (fact,) = seen(DRAWN["sum"], silent=True)
    assert (fact.active, fact.deviation) == (0, 1.0)
    assert fact.nats == pytest.approx(0.0, abs=1e-9)


def test_noise_that_is_added_is_no_code(seen: Any) -> None:
    assert not seen(lambda mean, std: mean + 0.1 * torch.randn_like(std))
