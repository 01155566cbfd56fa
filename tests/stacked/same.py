"""Members trained as one and one after another, to be compared."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from unstuck.stacked import Stack

Make = Callable[[nn.Module, int], Optimizer]


@dataclass(frozen=True, kw_only=True)
class Both:
    """Losses (T, M) and models, of members as one and of the same members apart."""

    as_one: Tensor
    apart: Tensor
    models_as_one: list[nn.Module]
    models_apart: list[nn.Module]

    @property
    def weights(self) -> float:
        """The largest difference of a parameter or buffer."""
        pairs = zip(self.models_as_one, self.models_apart, strict=True)
        return max(
            float((mine.double() - other.double()).abs().max())
            for a, b in pairs
            for mine, other in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
        )

    @property
    def losses(self) -> float:
        """The largest difference of a loss."""
        return float((self.as_one - self.apart).abs().max())


def batches(steps: int, *shape: int, classes: int = 5, size: int = 16) -> list[tuple[Tensor, Tensor]]:
    """Batches whose classes depend on their inputs."""
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(steps, size, *shape, generator=generator)
    directions = torch.randn(inputs[0, 0].numel(), classes, generator=generator)
    targets = (inputs.flatten(2) @ directions).argmax(2)
    return list(zip(inputs, targets, strict=True))


def train_both(
    models: Sequence[nn.Module], make: Make, data: Sequence[tuple[Tensor, Tensor]], together: int | None = None
) -> Both:
    """Take a step of every model for every batch, as one and apart, from the same state of the random generator."""
    state = torch.get_rng_state()
    apart = [copy.deepcopy(model) for model in models]
    losses = [_alone(model, make(model, number), data, state) for number, model in enumerate(apart)]
    torch.set_rng_state(state)
    stack = Stack(models, cross_entropy, [make(m, number) for number, m in enumerate(models)], together=together)
    as_one = torch.stack([stack.step(*batch) for batch in data])
    stack.hand_back()
    return Both(as_one=as_one, apart=torch.stack(losses, dim=1), models_as_one=list(models), models_apart=apart)


def _alone(model: nn.Module, optimizer: Optimizer, data: Sequence[tuple[Tensor, Tensor]], state: Tensor) -> Tensor:
    torch.set_rng_state(state)
    losses: list[Tensor] = []
    for inputs, targets in data:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)
