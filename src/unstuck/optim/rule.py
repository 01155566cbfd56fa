"""A rule: one method's formula with its options settled, common to all engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from unstuck.optim.symbols import Program, record
from unstuck.optim.torch_steps import TorchFunction

__all__ = ["Decay", "Rule"]

Decay = Literal["none", "coupled", "decoupled"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What happens to one weight: gradient sign, weight decay, then the method's own formula.

    Two groups of parameters with equal rules share one compiled kernel; their rates and other numbers may differ.

    Attributes:
        update: The formula, ``(w, g, *states, **constants) -> (w, *states)``.
        states: Names of the buffers that the formula takes, in its order; None for one that the options leave out.
        average: Name of the buffer that averages gradients, if there is one.
        numbers: Names of the formula's own constants.
        switches: Options that are on or off, by name.
        maximize: Climb instead of descend: the gradient changes its sign.
        decay: ``coupled`` adds ``weight_decay * w`` to the gradient (L2 penalty); ``decoupled`` shrinks the weight by
            ``1 - lr * weight_decay`` first (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).
        torch_step: torch's function for all of this, if it has one.
    """

    update: Callable[..., Sequence[Any]]
    states: tuple[str | None, ...]
    average: str | None
    numbers: tuple[str, ...]
    switches: tuple[tuple[str, bool], ...]
    maximize: bool
    decay: Decay
    torch_step: TorchFunction | None = None

    @property
    def kept(self) -> tuple[str, ...]:
        """The buffers that exist under these options."""
        return tuple(name for name in self.states if name is not None)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of every constant that a step needs: the step count, the rate, the decay, the method's numbers."""
        return ("t", "lr", "weight_decay", *self.numbers)

    def __call__(self, elements: Sequence[Any], constants: Mapping[str, Any]) -> Sequence[Any]:
        """One step: ``(w, g, *states)`` and the constants to ``(w, *states)``."""
        w, g, *states = elements
        if self.maximize:
            g = -g
        if self.decay == "coupled":
            g = g + constants["weight_decay"] * w
        elif self.decay == "decoupled":
            w = w * (1 - constants["lr"] * constants["weight_decay"])
        code = self.update.__code__  # not a cached inspect.signature: torch.compile warns of the cache
        wanted = code.co_varnames[: code.co_argcount]
        named = {name: value for name, value in constants.items() if name in wanted}
        return self.update(w, g, *states, **named, **dict(self.switches))

    def program(self) -> Program:
        """The rule as a straight-line program over the names ``w``, ``g`` and the buffers'."""
        return _program(self)


@cache
def _program(rule: Rule) -> Program:
    return record(rule, ("w", "g", *rule.states), rule.arguments)
