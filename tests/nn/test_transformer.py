import math
from typing import Any

import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.nn import Transformer
from unstuck.nn.transformer import CausalAttention, Positions, Residual


def test_attention_is_the_formula() -> None:
    torch.manual_seed(0)
    attention, x = CausalAttention(6, heads=2), torch.randn(3, 5, 6)
    q, k, v = (part.unflatten(2, (2, 3)).transpose(1, 2) for part in attention.ask(x).split(6, dim=2))
    hidden = torch.full((5, 5), -math.inf).triu(1)
    mixed = (q @ k.mT / math.sqrt(3) + hidden).softmax(3) @ v
    torch.testing.assert_close(attention(x), attention.join(mixed.transpose(1, 2).reshape(3, 5, 6)))


def test_no_place_sees_later_ones() -> None:
    torch.manual_seed(0)
    model = Transformer(width=8, heads=2, layers=2).build((10,), 5)
    symbols = torch.randint(5, (1, 10))
    changed = symbols.clone()
    changed[0, 6] = (changed[0, 6] + 1) % 5
    before, after = model(symbols), model(changed)
    torch.testing.assert_close(before[..., :6], after[..., :6], rtol=0, atol=0)
    assert not torch.equal(before[..., 6:], after[..., 6:])


def test_places_differ_and_shorter_sequences_will_do() -> None:
    positions = Positions(4, 2)
    assert torch.equal(positions(torch.zeros(1, 3, 2))[0], positions.places[:3])
    model = Transformer(width=8, heads=2, layers=1).build((10,), 5)
    symbols = torch.randint(5, (2, 10))
    torch.testing.assert_close(model(symbols[:, :4]), model(symbols)[..., :4])


def test_a_residual_adds_its_branch_of_the_normalised() -> None:
    residual, x = Residual(4, torch.nn.Linear(4, 4)), torch.randn(2, 3, 4)
    normal = (x - x.mean(2, keepdim=True)) / (x.var(2, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(residual(x), x + residual.branch(normal))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"heads": 3}, "heads=3: a divisor of the width, 64"),
        ({"width": 0}, "width=0: a whole number from 1"),
        ({"dropout": -0.1}, "dropout=-0.1"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Transformer(**sizes)
