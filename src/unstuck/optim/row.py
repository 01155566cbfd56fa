"""A row: one parameter that takes part in a step, with the group and the state that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unstuck.optim.rule import Rule

__all__ = ["Row", "scalar", "step_dtype"]


@dataclass(kw_only=True)
class Row:
    """One parameter of one group.

    Attributes:
        index: Position among all parameters of the optimizer.
        group: The ``param_groups`` entry.
        param: The parameter.
        state: Its entry of ``optimizer.state``, filled.
        rule: The group's formula.
        fresh: True where the buffers hold no gradient yet although the method counts no steps.
        repeated: True where the parameter was listed before: it steps again, and at first from empty buffers, as
            under torch.
    """

    index: int
    group: dict[str, Any]
    param: torch.Tensor
    state: dict[str, Any]
    rule: Rule
    fresh: bool
    repeated: bool = False

    @property
    def buffers(self) -> list[torch.Tensor]:
        """The state tensors that the formula reads and writes, in its order."""
        return [self.state[name] for name in self.rule.kept]

    @property
    def average(self) -> torch.Tensor | None:
        """The buffer that averages gradients, if the method keeps one under these options."""
        name = self.rule.average
        return self.state[name] if name is not None and name in self.rule.kept else None


def scalar(value: Any) -> float:
    """A number of a group as a float, also where it is a tensor of one element."""
    return value.item() if isinstance(value, torch.Tensor) else value


def step_dtype() -> torch.dtype:
    """The type of step counts, by torch's own rule."""
    return torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32
