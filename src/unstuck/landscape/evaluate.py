"""The loss at many points: in batches by ``vmap`` where that is possible and pays, else one by one."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from unstuck.curvature import Landscape
from unstuck.gradcheck.differences import DOMAIN
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.steady import seed_all
from unstuck.landscape.directions import Weights
from unstuck.preflight.subject import joined

__all__ = ["Evaluator", "Progress", "Silent"]

Floats = NDArray[np.float64]
TOGETHER = 2 * 2**20
"""Numbers that the points of one batch compute; with more, they no longer stay in the processor's cache."""
PART = 4 * 2**20
"""The same for one point and one batch; batches of other sizes are divided anew."""
FEW = 4  #: points, fewer of which are no faster in one batch
AGREEMENT = {torch.float32: 1e-5, torch.float64: 1e-10}
"""Difference, in shares of one plus the loss, that two ways to sum may have."""


class Progress(Protocol):
    """Who is told how far an evaluation is."""

    def begin(self, points: int, seconds: float) -> None:
        """So many points will take about so long."""

    def advance(self, points: int) -> None:
        """So many more points are done."""

    def end(self) -> None:
        """It is over, however it ended."""


class Silent:
    """Tell nobody."""

    def begin(self, points: int, seconds: float) -> None:
        """Tell nobody."""

    def advance(self, points: int) -> None:
        """Tell nobody."""

    def end(self) -> None:
        """Tell nobody."""


@dataclass(kw_only=True)
class Evaluator:
    r"""The loss at :math:`w + \sum_k c_k d_k`.

    Attributes:
        landscape: The mean loss over batches as a function of the weights.
        origin: The weights :math:`w`.
        directions: The directions :math:`d_k`.
        how: How points are evaluated, with the reason where that is one by one.
        draws: Whether evaluating draws random numbers, the same at each point.
        refused: What the model or the loss raised at some point, whose loss is NaN; empty where they raised nothing.
    """

    landscape: Landscape
    origin: Weights
    directions: Sequence[Weights]
    how: str = field(default="", init=False)
    draws: bool = field(default=True, init=False)
    refused: str = field(default="", init=False)

    def losses(self, coefficients: Floats, progress: Progress | None = None) -> Floats:
        """The loss at each point.

        Args:
            coefficients: Shape (N, K), one column for each direction.
            progress: Who is told.

        Returns:
            Shape (N,); NaN where the loss is not finite, or where the model raises.
        """
        progress = progress or Silent()
        points = torch.from_numpy(coefficients).to(next(iter(self.landscape.leaves.values())))
        self._prepare(points)
        self.draws = self._draws(points[0])
        started = time.perf_counter()
        self._one(points[0])
        each = time.perf_counter() - started
        chunk = self._chunk(points)
        progress.begin(len(points), each * len(points) / math.sqrt(chunk))
        try:
            found = [value for some in points.split(chunk) for value in self._some(some, progress)]
        finally:
            progress.end()
        values = np.array(found)
        return np.where(np.isfinite(values), values, np.nan)

    def at(self, point: Tensor) -> Weights:
        """The weights at a point, which may be one of many that are evaluated together."""
        return {name: self._moved(name, w, point) for name, w in self.origin.items()}

    def _moved(self, name: str, w: Tensor, point: Tensor) -> Tensor:
        for k, direction in enumerate(self.directions):
            w = w + point[k] * direction[name]
        return w

    def _one(self, point: Tensor) -> float:
        total = 0.0
        with torch.no_grad():
            weights = self.at(point)
            for share, problem in self._weighed():
                self._seed(problem)
                total += share * float(problem.quick(weights))
        return total

    def _seed(self, problem: Problem) -> None:
        if self.draws:
            seed_all(problem.seed)

    def _weighed(self) -> Iterator[tuple[float, Problem]]:
        return zip(self.landscape.shares, self.landscape.problems, strict=True)

    def _prepare(self, points: Tensor) -> None:
        """Lay out pictures and batches so that they are evaluated faster, where the loss stays the same."""
        far = points[0]
        for arranged in (_divided, _channels_last):
            former = self.landscape, self.origin, self.directions
            before = self._value(far), self._value(far * 0)
            if not arranged(self):
                continue
            after = self._value(far), self._value(far * 0)
            if not all(_agree(a, b, far.dtype) for a, b in zip(before, after, strict=True)):
                self.landscape, self.origin, self.directions = former

    def _value(self, point: Tensor) -> float:
        try:
            return self._one(point)
        except DOMAIN:
            return math.nan

    def _draws(self, point: Tensor) -> bool:
        """Whether an evaluation moves a generator; setting all of them takes as long as a small model does."""
        if point.device.type != "cpu":
            return True
        seed_all(0)
        before = torch.default_generator.get_state(), random.getstate(), str(np.random.get_state())
        self.draws = False
        self._value(point)
        torch_state, *others = torch.default_generator.get_state(), random.getstate(), str(np.random.get_state())
        return not torch.equal(before[0], torch_state) or list(before[1:]) != others

    def _chunk(self, points: Tensor) -> int:
        """How many points are evaluated at once, by the numbers that one computes."""
        with torch.no_grad():
            _, recorder = self.landscape.problems[0].value(self.origin)
        numbers = recorder.numbers + sum(w.numel() for w in self.origin.values())
        chunk = min(TOGETHER // max(numbers, 1), len(points))
        if chunk < FEW:
            self.how = f"one by one, for each computes {numbers:,} numbers, so that batches of them are no faster"
            return 1
        reason = self._reason_against(points[:2])
        if reason:
            self.how = f"one by one, for vmap does not evaluate several: {reason}"
            return 1
        self.how = f"by vmap, in batches of {chunk}"
        return chunk

    def _reason_against(self, points: Tensor) -> str:
        try:
            together = self._batch(points)
        except Exception as error:  # vmap refuses in many ways: what matters is that it does
            return (str(error) or type(error).__name__).strip().splitlines()[0]
        singly = [self._value(point) for point in points]
        if all(_agree(a, b, points.dtype) for a, b in zip(together, singly, strict=True)):
            return ""
        return f"it gives another value ({together[0]:.9g} for {singly[0]:.9g})"

    def _some(self, points: Tensor, progress: Progress) -> list[float]:
        if len(points) > 1:
            try:
                values = self._batch(points)
            except DOMAIN:  # at one of them the model raises
                pass
            else:
                progress.advance(len(points))
                return values
        return [self._careful(point, progress) for point in points]

    def _batch(self, points: Tensor) -> list[float]:
        total = torch.zeros(len(points), dtype=torch.float64)
        with torch.no_grad():
            for share, problem in self._weighed():
                self._seed(problem)
                value: Callable[[Tensor], Tensor] = lambda point, p=problem: p.quick(self.at(point))  # noqa: E731
                total += share * vmap(value, randomness="same")(points).double().cpu()
        return total.tolist()

    def _careful(self, point: Tensor, progress: Progress) -> float:
        try:
            return self._one(point)
        except DOMAIN as error:
            self.refused = self.refused or (str(error) or type(error).__name__).strip().splitlines()[0]
            return math.nan
        finally:
            progress.advance(1)


def _agree(a: float, b: float, dtype: torch.dtype) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= AGREEMENT[dtype] * (1.0 + min(abs(a), abs(b)))


def _channels_last(evaluator: Evaluator) -> bool:
    """Pictures and filters with the channels last, which convolutions and pooling on a CPU go through far faster."""
    problems = evaluator.landscape.problems
    images = any(isinstance(x, Tensor) and x.ndim == 4 for x in pytree.tree_leaves(problems[0].inputs))
    if not images or not any(w.ndim == 4 for w in evaluator.origin.values()):
        return False

    def laid(value: object) -> object:
        if not isinstance(value, Tensor) or value.ndim != 4:
            return value
        # contiguous() leaves pictures of one channel as they are, by whose strides a convolution chooses its layout.
        return torch.empty_like(value, memory_format=torch.channels_last).copy_(value)

    def all_of(weights: Weights) -> Weights:
        return {name: cast("Tensor", laid(w)) for name, w in weights.items()}

    arranged = tuple(replace(p, inputs=pytree.tree_map(laid, p.inputs)) for p in problems)
    evaluator.landscape = replace(evaluator.landscape, problems=arranged)
    evaluator.origin = all_of(evaluator.origin)
    evaluator.directions = [all_of(direction) for direction in evaluator.directions]
    return True


def _divided(evaluator: Evaluator) -> bool:
    """Batches of a better size, where the loss is the mean over examples; with statistics of each batch it is not."""
    problems = evaluator.landscape.problems
    whole = joined([(p.inputs, p.targets) for p in problems])
    if whole is None:
        return False
    count, first = len(pytree.tree_leaves(whole)[0]), len(pytree.tree_leaves(problems[0].inputs)[0])
    _, recorder = problems[0].value(evaluator.origin)
    parts = min(max(round(recorder.numbers * count / first / PART), 1), count)
    size = math.ceil(count / parts)
    if size == first:
        return False

    def part(k: int) -> Problem:
        inputs, targets = pytree.tree_map(lambda leaf: leaf[k * size : (k + 1) * size], whole)
        return replace(problems[0], inputs=inputs, targets=targets)

    sizes = [min(size, count - k * size) for k in range(math.ceil(count / size))]
    evaluator.landscape = replace(
        evaluator.landscape, problems=tuple(map(part, range(len(sizes)))), shares=tuple(n / count for n in sizes)
    )
    return True
