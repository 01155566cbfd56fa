from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.tensors.initialiser_test import looks_fresh

DRAWN = {
    "linear": lambda: nn.Linear(64, 48).weight,
    "narrow linear": lambda: nn.Linear(4, 16).weight,
    "convolution": lambda: nn.Conv2d(3, 8, 3).weight,
    "lstm": lambda: nn.LSTM(10, 20).weight_ih_l0,
    "attention": lambda: nn.MultiheadAttention(16, 4).in_proj_weight,
    "embedding": lambda: nn.Embedding(100, 16).weight,
    "he": lambda: nn.init.kaiming_normal_(torch.empty(64, 32)),
    "glorot": lambda: nn.init.xavier_normal_(torch.empty(64, 32)),
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(32, 64)),
    "gpt": lambda: 0.02 * torch.randn(64, 64),
    "embedding of any deviation": lambda: 0.3 * torch.randn(250, 8),
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_initialisers_draw_is_recognised(name: str) -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        assert looks_fresh(DRAWN[name]()) is True


def trained() -> Tensor:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    x = torch.randn(256, 20)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), x.square().sum(1, keepdim=True) / 20 - 1).backward()
        optimizer.step()
    return model[2].weight


def factors() -> Tensor:
    """Vectors of users whose deviation comes to lie near one that initialisers give."""
    torch.manual_seed(0)
    users, items = nn.Embedding(300, 8), nn.Embedding(200, 8)
    for table in (users, items):
        nn.init.normal_(table.weight, std=0.3)
    ratings = torch.randn(300, 3) @ torch.randn(3, 200)
    optimizer = torch.optim.Adam([*users.parameters(), *items.parameters()], lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.mse_loss(users.weight @ items.weight.T, ratings).backward()
        optimizer.step()
    return users.weight


@pytest.mark.parametrize("make", [trained, factors])
def test_what_was_trained_is_told_apart(make: Callable[[], Tensor]) -> None:
    assert looks_fresh(make()) is False


@pytest.mark.parametrize(
    "tensor", [torch.zeros(16, 16), torch.randn(100), torch.randn(2, 2), torch.ones(8, 8, dtype=torch.long)]
)
def test_nothing_is_said_of_what_cannot_be_told(tensor: Tensor) -> None:
    assert looks_fresh(tensor) is None


@pytest.mark.parametrize("deviation", [1e-4, 5.0])
def test_a_few_normal_values_of_a_size_that_nothing_gives_are_not_told(deviation: float) -> None:
    torch.manual_seed(0)
    assert looks_fresh(torch.randn(20, 20) * deviation) is None
