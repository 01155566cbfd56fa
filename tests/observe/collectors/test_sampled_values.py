from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.overrides import TorchFunctionMode

from unstuck.observe.collectors.sampled_values import Draws
from unstuck.record import facts


class Seeing(TorchFunctionMode):
    def __init__(self, draws: Draws) -> None:
        super().__init__()
        self.draws = draws

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.draws.see(func, args, output)
        return output


def drawn(draw: Callable[[Tensor, Tensor], Tensor], *, scored: bool = False) -> list[facts.NonDifferentiableSample]:
    """What is told of a draw from a learnt distribution that a layer takes."""
    draws, encoder = Draws(), nn.Linear(3, 4)
    with Seeing(draws):
        mean, spread = encoder(torch.ones(5, 3)).chunk(2, dim=1)
        values = draw(mean, spread.exp())
        draws.reach((values,), "decoder.0")
        if scored:
            Normal(mean, spread.exp()).log_prob(values)
    return list(draws.finish())


def test_draws_without_a_gradient_are_told_where_a_layer_takes_them() -> None:
    for draw in (lambda mean, spread: Normal(mean, spread).sample(), torch.normal):
        (fact,) = drawn(draw)
        assert (fact.where, fact.file) == ("decoder.0", __file__)


def test_what_has_a_gradient_or_needs_none_is_not() -> None:
    assert drawn(lambda mean, spread: Normal(mean, spread).rsample()) == []
    assert drawn(lambda mean, spread: mean + spread * torch.randn_like(spread)) == []
    assert drawn(lambda mean, spread: Normal(torch.zeros(5, 2), torch.ones(5, 2)).sample()) == []
    assert drawn(lambda mean, spread: Normal(mean, spread).sample(), scored=True) == []
    assert drawn(lambda mean, spread: Normal(mean, spread).sample() + 0.0) == []
