r"""Values of a problem at many neighbouring points: batched by ``vmap`` where the model allows it, else one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import vmap

from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.steady import seed_all

__all__ = ["DOMAIN", "Evaluator", "Slopes"]

MEMORY = 32 * 1024**2
"""Numbers that one batch of copies may take: 256 MB in float64."""
MOST = 512
"""Copies in one batch; more are no faster."""
DOMAIN = (RuntimeError, ValueError, ArithmeticError, IndexError, AssertionError)
"""What a function raises of arguments that it does not take, as binary cross-entropy does of targets above 1."""
AGREEMENT = 1e-10
"""Relative difference that batched and single evaluation may have: they sum in other orders."""


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """One-sided and centred differences of coordinates, each of shape (K,).

    Attributes:
        forward: (f(x + h) - f(x)) / h.
        backward: (f(x) - f(x - h)) / h.
        noise: What rounding may have done to ``centred``.
        switched: Whether an operation took another branch at x + h than at x - h; None where none was seen.
    """

    forward: Tensor
    backward: Tensor
    noise: Tensor
    switched: Tensor | None

    @property
    def centred(self) -> Tensor:
        """(f(x + h) - f(x - h)) / 2 h."""
        return (self.forward + self.backward) / 2.0

    @property
    def gap(self) -> Tensor:
        """By how much the two sides differ."""
        return (self.forward - self.backward).abs()


@dataclass(kw_only=True)
class Evaluator:
    """Evaluate a problem around its point.

    Attributes:
        problem: What is evaluated.
        base: Its value at the point.
        size: Numbers that one evaluation computes.
        rounding: Standard deviation of the rounding error of one value.
        looped: Why evaluations are made one by one, by tensor; empty where they are batched.
        refused: What was raised at points beside the given one, by tensor: their values are NaN.
        evaluations: Values computed.
    """

    problem: Problem
    base: float
    size: int
    rounding: float
    looped: dict[str, str] = field(default_factory=dict[str, str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    evaluations: int = 0

    def slopes(self, name: str, places: Tensor, h: float | Tensor, *, choices: bool = False) -> Slopes:
        """Difference quotients of coordinates of one tensor.

        Args:
            name: Name of the tensor.
            places: Flat indices, shape (K,).
            h: Step, relative to entries larger than 1; one for all, or for each, shape (K,).
            choices: Whether to compare the branches taken.
        """
        x = self.problem.tensors[name].reshape(-1)[places]
        step = (h * x.abs().clamp(min=1.0)).to(x.dtype)
        up, down = (x + step) - x, x - (x - step)  # as floating point has them
        values, codes = self._values(name, torch.cat([places, places]), torch.cat([up, -down]), choices=choices)
        above, below = values[: len(places)].double(), values[len(places) :].double()
        switched = None
        if codes is not None:
            switched = (codes[: len(places)] != codes[len(places) :]).any(dim=1)
        return Slopes(
            forward=(above - self.base) / up,
            backward=(self.base - below) / down,
            noise=10.0 * self.rounding / step.double(),
            switched=switched,
        )

    def _values(self, name: str, places: Tensor, changes: Tensor, *, choices: bool) -> tuple[Tensor, Tensor | None]:
        count = self.problem.tensors[name].numel() + self.size
        chunk = max(1, min(MOST, MEMORY // max(count, 1)))
        values: list[Tensor] = []
        codes: list[Tensor] = []
        for some, change in zip(places.split(chunk), changes.split(chunk), strict=True):
            value, code = self._chunk(name, some, change, choices=choices)
            self.evaluations += len(some)
            values.append(value)
            if code is not None:
                codes.append(code)
        return torch.cat(values), torch.cat(codes) if choices and len(codes) == len(values) else None

    def _chunk(self, name: str, places: Tensor, changes: Tensor, *, choices: bool) -> tuple[Tensor, Tensor | None]:
        if name not in self.looped:
            try:
                return self._batched(name, places, changes, choices=choices)
            except Exception as error:  # vmap refuses in many ways: what matters is that it does
                singly = self._singly(name, places, changes, choices=choices)
                if self.refused.get(name) != _words(error):  # else it is the point that is refused
                    self.looped[name] = _words(error)
                return singly
        return self._singly(name, places, changes, choices=choices)

    def _batched(self, name: str, places: Tensor, changes: Tensor, *, choices: bool) -> tuple[Tensor, Tensor | None]:
        x = self.problem.tensors[name]
        # The first copy is unchanged: it tells whether batching computes the same function.
        points = x.reshape(1, -1).repeat(len(places) + 1, 1)
        rows = torch.arange(1, len(places) + 1, device=x.device)
        points[rows, places] += changes

        def value(point: Tensor) -> tuple[Tensor, Tensor]:
            result, recorder = self.problem.value({name: point}, choices=choices)
            codes = torch.stack(recorder.codes) if recorder.codes else torch.zeros(0, dtype=torch.int64)
            return result, codes

        seed_all(self.problem.seed)
        values, codes = vmap(value, randomness="same")(points.reshape(-1, *x.shape))
        first = float(values[0])
        if abs(first - self.base) > AGREEMENT * abs(self.base) + 30.0 * self.rounding:
            raise RuntimeError(f"batched evaluation gives another value ({first:.17g} for {self.base:.17g})")
        return values[1:].detach(), codes[1:] if choices and codes.shape[1] else None

    def _singly(self, name: str, places: Tensor, changes: Tensor, *, choices: bool) -> tuple[Tensor, Tensor | None]:
        x = self.problem.tensors[name]
        values: list[Tensor] = []
        codes: list[Tensor] = []
        for place, change in zip(places.tolist(), changes, strict=True):
            point = x.clone()
            point.view(-1)[place] += change
            seed_all(self.problem.seed)
            try:
                value, recorder = self.problem.value({name: point}, choices=choices)
            except DOMAIN as error:
                self.refused[name] = _words(error)
                values.append(torch.full((), torch.nan, dtype=x.dtype, device=x.device))
                continue
            values.append(value.detach())
            if recorder.codes:
                codes.append(torch.stack(recorder.codes))
        same = len(codes) == len(values) and len({len(code) for code in codes}) == 1
        return torch.stack(values), torch.stack(codes) if same else None


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
