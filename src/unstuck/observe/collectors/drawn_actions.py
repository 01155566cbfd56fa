"""Actions that a policy drew: what else became of them than the log-probability that a loss takes?"""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable
from typing import Any

from torch import Tensor

from unstuck.observe.collectors.followed import Followed

__all__ = ["DrawnActions"]

DRAWS: frozenset[str] = frozenset({"multinomial", "normal", "bernoulli", "poisson", "_standard_gamma", "binomial"})
"""Functions by which torch.distributions draw."""

VALIDATING = os.path.join("torch", "distributions", "distribution.py")

MOST_FRAMES = 12
"""Calls between a function and that which asked for it."""


class DrawnActions:
    """Follow each draw of a step.

    Examples:
        >>> import torch
        >>> scores = torch.zeros(4, 2)
        >>> known = DrawnActions()
        >>> action = torch.multinomial(scores.exp(), 1)
        >>> known.followed(torch.multinomial, (scores, 1), {}, action)
        >>> picked = scores.gather(1, action)
        >>> known.followed(Tensor.gather, (scores, 1, action), {}, picked)
        >>> draws = known.of(picked)
        >>> known.seen_by_nobody(draws, torch.ones(4))
        True
        >>> known.followed(Tensor.numpy, (action,), {}, None)
        >>> known.seen_by_nobody(draws, torch.ones(4)), known.seen_by_nobody(known.of(scores), torch.ones(4))
        (False, None)
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """What was drawn so far may have gone ways that were not seen."""
        self._followed = Followed()
        self._number = 0

    def followed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A function was called."""
        name = getattr(function, "__name__", "")
        if name == "__bool__" and _validates():
            return
        drawn = name in DRAWS
        self._number += drawn
        self._followed.call(function, args, kwargs, output, (self._number,) if drawn else ())

    def of(self, values: Tensor) -> frozenset[Hashable]:
        """The draws that went into a tensor."""
        return self._followed.of(values)

    def seen_by_nobody(self, draws: frozenset[Hashable], weights: Any) -> bool | None:
        """Whether draws went neither into the weights of their log-probabilities nor out of PyTorch.

        Args:
            draws: Those that went into the log-probabilities; where there are none, nothing is known.
            weights: What these are multiplied by.
        """
        if not draws or self._followed.full:
            return None
        return not draws & (self._followed.of(weights) | self._followed.left)


def _validates() -> bool:
    """Whether a distribution asks whether what it was given is one of its values."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    for _ in range(MOST_FRAMES):
        if frame is None:
            return False
        if frame.f_code.co_filename.endswith(VALIDATING):
            return True
        frame = frame.f_back
    return False
