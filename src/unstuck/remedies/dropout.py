"""Dropout weakened or off."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import argument, temporarily, with_argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules, calls
from unstuck.remedies.remedy import Remedy
from unstuck.rules.dropout import strongest_dropout

__all__ = ["DROPOUTS", "Dropout"]

ADVISED = 0.2

DROPOUTS: tuple[Any, ...] = (
    *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout),
    *(torch.dropout, torch.alpha_dropout, torch.feature_dropout, torch.feature_alpha_dropout),
)
"""Functions whose second argument, ``p``, is the probability that a value is dropped."""


class Dropout(Remedy):
    """Drop less, or nothing.

    Changes: the probability of every dropout that is called is lowered to ``probability``: that of the functions, of
    recurrent and attention layers, and of ``scaled_dot_product_attention``.

    Applies: where a dropout is active in training.

    Proves: a regularisation that is too strong.
    """

    name = "dropout"
    proves = ("regularisation-too-strong",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """The probability that advice names, then none."""
        strongest = strongest_dropout(run)
        functional = run.knows(facts.FunctionalDropout)
        if (strongest is None or not strongest[0]) and not functional:
            return ()
        lowered = [ADVISED] if functional or (strongest and strongest[0] > ADVISED) else []
        return [Change(remedy=self.name, settings={"probability": value}) for value in (*lowered, 0.0)]

    def words(self, change: Change, run: Run) -> str:
        """``"with dropout at p=0.2"``."""
        value = change.number("probability")
        return f"with dropout at p={value:g}" if value else "without dropout"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Call dropouts with another probability."""
        most = change.number("probability") or 0.0

        def lower(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if argument(args, kwargs, 1, "p", 0.5) <= most:
                return run(*args, **kwargs)
            effects.happened(self.name)
            args, kwargs = with_argument(args, kwargs, 1, "p", most)
            return run(*args, **kwargs) if most else argument(args, kwargs, 0, "input")

        def attention(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if argument(args, kwargs, 4, "dropout_p", 0.0) > most:
                effects.happened(self.name)
                args, kwargs = with_argument(args, kwargs, 4, "dropout_p", most)
            return run(*args, **kwargs)

        def layer(module: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if not isinstance(module, nn.RNNBase | nn.MultiheadAttention) or module.dropout <= most:
                return run(*args, **kwargs)
            effects.happened(self.name)
            with temporarily(module, dropout=most):
                return run(*args, **kwargs)

        exchanges: dict[Any, Any] = dict.fromkeys(DROPOUTS, lower)
        exchanges[F.scaled_dot_product_attention] = attention
        with calls(exchanges), around_modules(layer):
            yield
