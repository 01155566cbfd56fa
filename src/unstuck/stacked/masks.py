"""Dropout for each member: the masks that it would draw if it were trained alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unstuck.stacked.structure import dropouts

__all__ = ["Masks", "Slot", "mark"]


class Slot(float):
    """The rate of a dropout module that stands for those of all members: its place among the modules that drop.

    Examples:
        >>> Slot(2).place
        2
    """

    place: int

    def __new__(cls, place: int) -> Slot:  # noqa: D102
        made = super().__new__(cls, 0.5)
        made.place = place
        return made


def mark(skeleton: nn.Module) -> None:
    """Put a :class:`Slot` in place of each rate of the model that stands for all."""
    for place, module in enumerate(dropouts(skeleton)):
        setattr(module, "p", Slot(place))  # noqa: B010


class Masks:
    """Draw the masks of members, each from a generator that is in the state of its separate training.

    Members in one state and with equal rates share a generator and their masks.

    Args:
        states: States of the random generator of the CPU, one for each member.
        models: The members' models, whose rates are read.
    """

    def __init__(self, states: Sequence[Tensor], models: Sequence[nn.Module]) -> None:
        self._rates = [[float(getattr(module, "p")) for module in dropouts(model)] for model in models]  # noqa: B009
        self._generators: list[torch.Generator] = []
        known: dict[object, torch.Generator] = {}
        for state, rates in zip(states, self._rates, strict=True):
            key = (state.numpy().tobytes(), *rates)
            if key not in known:
                known[key] = torch.Generator()
                known[key].set_state(state)
            self._generators.append(known[key])

    def __len__(self) -> int:
        """Members."""
        return len(self._generators)

    def state(self, position: int) -> Tensor:
        """The state of a member's generator."""
        return self._generators[position].get_state()

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with some of the members."""
        self._generators = [self._generators[k] for k in positions]
        self._rates = [self._rates[k] for k in positions]

    def drop(self, inputs: Tensor, p: float, *, features: bool) -> Tensor:
        """Zero entries of each member's inputs, and scale what is left.

        Args:
            inputs: (M, ...), a slice for each member.
            p: The rate, or the :class:`Slot` of the module.
            features: Whether whole channels are dropped together.
        """
        shape = tuple(inputs.shape[1:])
        if features:
            shape = (*shape[:2], *(1 for _ in shape[2:]))
        drawn: dict[torch.Generator, Tensor] = {}
        for generator, rates in zip(self._generators, self._rates, strict=True):
            if generator not in drawn:
                drawn[generator] = _noise(shape, rates[p.place] if isinstance(p, Slot) else p, inputs, generator)
        if len(drawn) == 1:
            return inputs * drawn[self._generators[0]]
        return inputs * torch.stack([drawn[generator] for generator in self._generators])


def _noise(shape: tuple[int, ...], rate: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """Torch's own way, in its order; of a rate of 0 or 1 nothing is drawn."""
    if rate in (0.0, 1.0):
        return torch.full(shape, 1.0 - rate, dtype=like.dtype, device=like.device)
    drawn = torch.empty(shape, dtype=like.dtype).bernoulli_(1.0 - rate, generator=generator)
    return drawn.div_(1.0 - rate).to(like.device)
