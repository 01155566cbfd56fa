"""A small classification that any sound model learns at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject


def examples(count: int = 200, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    x = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    return x, x[:, :3].argmax(dim=1)


def network(*, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))


@pytest.fixture
def subject() -> Callable[..., Subject]:
    """Make a subject; what is not given is sound."""

    def make(
        model: nn.Module | None = None, loss: Any = functional.cross_entropy, data: Any = None, **given: Any
    ) -> Subject:
        return Subject.of(model or network(), loss, examples() if data is None else data, **given)

    return make
