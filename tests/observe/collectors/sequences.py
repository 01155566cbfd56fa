"""Short trainings of models of sequences, watched, for the tests of those who look at sequences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import unstuck
from unstuck.record import Run, facts

__all__ = ["LENGTH", "TOKENS", "Attending", "facts_of", "next_token", "padded", "text"]

LENGTH, TOKENS = 10, 12
Fact = TypeVar("Fact", bound=facts.Fact)
Step = Callable[[nn.Module], Tensor]


def text(examples: int = 16, length: int = LENGTH) -> Tensor:
    return torch.randint(1, TOKENS, (examples, length))


def padded(examples: int = 16, length: int = LENGTH) -> Tensor:
    lengths = torch.randint(2, length // 2 + 2, (examples, 1))
    lengths[0] = length
    return text(examples, length).masked_fill(torch.arange(length) >= lengths, 0)


class Attending(nn.Module):
    """One attention over a sequence; ``look`` mixes positions, shape (examples, positions, features)."""

    def __init__(self, look: Callable[[Tensor], Tensor], *, outputs: int = TOKENS, pool: bool = False) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(TOKENS, 8), nn.Parameter(torch.randn(64, 8))
        self.look, self.head, self.pool = look, nn.Linear(8, outputs), pool

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.embedding(ids) + self.places[: ids.shape[1]]
        hidden = hidden + self.look(hidden)
        return self.head(hidden.mean(dim=1) if self.pool else hidden)


def next_token(model: nn.Module) -> Tensor:
    ids = text()
    return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())


def facts_of(folder: Path, kind: type[Fact], model: nn.Module, step: Step, *, steps: int = 3) -> list[Fact]:
    """The facts that some watched steps give."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with unstuck.watch(model, optimizer, out=folder / "run"):
        for _ in range(steps):
            optimizer.zero_grad()
            step(model).backward()
            optimizer.step()
    with Run.open(folder / "run") as run:
        failed = list(run.facts(facts.Unread))
        assert not failed, failed
        return list(run.facts(kind))
