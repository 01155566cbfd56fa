"""Facts about what the training can change: which tensors learn, which do not although the loss depends on them."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.record.fact import Fact

__all__ = ["Ran", "Stranger", "Strangers"]


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A tensor that asks for a gradient and gets one, and that no optimizer holds.

    Attributes:
        name: Its name in the model, or that of the user's variable; empty where neither is known.
        shape: Its shape.
        fresh: Whether its values look as an initialiser draws them, and not learnt; None where that cannot be told.
    """

    name: str
    shape: tuple[int, ...]
    fresh: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Strangers(Fact):
    """Parameters that the loss leads to, that no optimizer holds, and that nobody has changed; stated anew each time.

    Attributes:
        step: Updates made.
        since: Updates that had been made when they were first compared.
        unchanged: The tensors.
        reached: How many tensors the loss leads to in all.
        held: How many of them the training's own optimizer holds.
    """

    kind = "strangers"
    step: int
    since: int
    unchanged: tuple[Stranger, ...] = ()
    reached: int = 0
    held: int = 0


@dataclass(frozen=True, kw_only=True)
class Ran(Fact):
    """The layers that ran in a forward pass that a backward pass followed.

    Attributes:
        step: Updates made.
        layers: Paths of the leaf modules with parameters, in the order in which they first ran.
        without_gradient: Those of them that ran while gradients were switched off.
    """

    kind = "ran"
    step: int
    layers: tuple[str, ...] = ()
    without_gradient: tuple[str, ...] = ()
