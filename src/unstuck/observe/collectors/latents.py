"""What latent variables say of their examples: those that are drawn as a mean plus noise times a deviation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.made_values import PRODUCTS, SUMS
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Latents"]

NORMALS: frozenset[Any] = frozenset({torch.randn, torch.randn_like, torch.normal, Tensor.normal_})

FEWEST = 8
"""Examples of a batch below which a mean does not vary enough to say so."""

MOST_KEPT = 8
"""Draws of a step that are followed."""

ACTIVE = 0.01
"""Variance of a mean over examples, from which it says something of them (Burda et al. 2016, section 5.2)."""


class Latents:
    """Follow normal draws into a product and a sum, in the steps whose loss is taken apart.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = NORMALS | PRODUCTS | SUMS

    def __init__(self, view: View) -> None:
        self._view = view
        self._step = -1
        self._noise: dict[int, Tensor] = {}
        self._scaled: dict[int, tuple[Tensor, Tensor]] = {}
        self._new: dict[tuple[Any, ...], facts.Latent] = {}

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a draw, what it is multiplied by, and what is added."""
        if not (self._view.apart and self._view.entered and isinstance(output, Tensor)):
            return
        if self._step != self._view.step:
            self.release()
            self._step = self._view.step
        if function in NORMALS:
            if output.dim() > 1 and len(self._noise) < MOST_KEPT and is_readable(output):
                self._noise[id(output)] = output
        elif function in PRODUCTS and self._noise:
            self._multiplied(args, output)
        elif function in SUMS and self._scaled:
            self._added(args)

    def _multiplied(self, args: tuple[Any, ...], output: Tensor) -> None:
        """Noise times a deviation that is learnt."""
        for noise, deviation in (args[:2], args[1::-1]):
            learnt = isinstance(deviation, Tensor) and deviation.requires_grad and deviation.shape == output.shape
            if self._noise.get(id(noise)) is noise and learnt:
                self._scaled[id(output)] = (output, deviation.detach())

    def _added(self, args: tuple[Any, ...]) -> None:
        for scaled, mean in (args[:2], args[1::-1]):
            known, deviation = self._scaled.get(id(scaled), (None, None))
            if known is not scaled or deviation is None or not isinstance(mean, Tensor) or not mean.requires_grad:
                continue
            if mean.shape == deviation.shape and len(mean) >= FEWEST and len(mean) == self._view.examples:
                self._take(mean.detach().flatten(1).double(), deviation.flatten(1).double())

    def _take(self, mean: Tensor, deviation: Tensor) -> None:
        place = user_place(3)
        each = 0.5 * (mean.square() + deviation.square() - 1.0) - deviation.abs().clamp(min=1e-30).log()
        self._new[(self._view.step, *place)] = facts.Latent(
            step=self._view.step,
            size=mean.shape[1],
            examples=len(mean),
            active=int((mean.var(dim=0) > ACTIVE).sum()),
            nats=float(each.sum(dim=1).mean()),
            deviation=float(deviation.mean()),
            file=place[0],
            line=place[1],
        )

    def facts(self) -> Iterator[facts.Latent]:
        """What is new."""
        new, self._new = self._new, {}
        yield from new.values()

    def release(self) -> None:
        """Let go of what is the program's."""
        self._noise, self._scaled = {}, {}
