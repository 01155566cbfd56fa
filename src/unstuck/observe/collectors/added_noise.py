"""Which noise stands in the input of a model, which in its target, and whether the model is told how much there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstuck.observe.collectors.associated import association
from unstuck.observe.collectors.conditions import Conditions
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.inputs import data_of, values_of
from unstuck.observe.collectors.latents import NORMALS
from unstuck.observe.collectors.made_values import PRODUCTS
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["AddedNoises"]

MOST_EXAMPLES = 2_048
"""Examples that are compared."""

MOST_STEPS = 64
"""Sampled steps in which noise is looked for."""

MOST_DRAWS = 8
"""Draws of a step that are kept until its loss."""

MOST_VALUES = 1 << 20
"""Values of a draw above which it is not kept."""

BESIDE = 64
"""Values that are kept of what enters beside an example."""

LEVELS_DIFFER = 0.01
"""Spread of levels over the highest, from which they differ."""

JITTER = 1e-3
"""Share of their deviation by which equal conditions, such as the same time step, are moved apart to be compared."""


@dataclass
class _Draw:
    values: Tensor
    place: tuple[str | None, int | None]
    levels: Tensor | None = None
    along: bool = False


@dataclass
class _Products:
    """Sums of squares and products, over all values met."""

    noise: float = 0.0
    input: float = 0.0
    target: float = 0.0
    noise_input: float = 0.0
    noise_target: float = 0.0
    input_target: float = 0.0

    def add(self, noise: Tensor, given: Tensor, target: Tensor) -> None:
        self.noise += float((noise * noise).sum())
        self.input += float((given * given).sum())
        self.target += float((target * target).sum())
        self.noise_input += float((noise * given).sum())
        self.noise_target += float((noise * target).sum())
        self.input_target += float((given * target).sum())


@dataclass
class _Site:
    """What is known of the noise that one draw gives."""

    sums: _Products = field(default_factory=_Products)
    examples: int = 0
    values: int = 0
    along: int = 0
    levels: list[Tensor] = field(default_factory=list[Tensor])
    beside: list[Tensor] = field(default_factory=list[Tensor])
    conditions: Conditions = field(default_factory=Conditions)

    def fact(self, place: tuple[str | None, int | None]) -> facts.AddedNoise:
        sums, known = self.sums, len(self.levels) > 0
        levels = torch.cat(self.levels).cpu().numpy() if known else np.zeros(0)
        beside = torch.cat(self.beside).cpu().numpy() if known else np.zeros((0, 0))
        varied = bool(levels.std() > LEVELS_DIFFER * np.abs(levels).max()) if known else None
        return facts.AddedNoise(
            examples=self.examples,
            values=self.values,
            in_input=_correlation(sums.noise_input, sums.noise, sums.input),
            in_target=_correlation(sums.noise_target, sums.noise, sums.target),
            together=_correlation(sums.input_target, sums.input, sums.target),
            varied=varied,
            told=_told(beside, levels) if varied and beside.shape[1] else None,
            same=bool(beside.size and (beside == beside[0]).all()),
            single=beside.shape[1] == 1,
            along=self.along == self.examples,
            file=place[0],
            line=place[1],
        )


class AddedNoises:
    """Compare each draw of normal noise with what enters the model and with the target, in the first sampled steps.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = NORMALS | PRODUCTS

    def __init__(self, view: View) -> None:
        self._view = view
        self._draws: list[_Draw] = []
        self._sites: dict[tuple[int, tuple[str | None, int | None]], _Site] = {}
        self._whole = Conditions()
        self._place: tuple[str | None, int | None] = (None, None)
        self._steps = 0
        self._step = -1

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a draw, and what it is multiplied by."""
        if self._draws and self._step != self._view.step:
            self._draws.clear()
        self._step = self._view.step
        if function in NORMALS:
            if self._steps < MOST_STEPS and len(self._draws) < MOST_DRAWS and _is_draw(output):
                self._draws.append(_Draw(output, user_place(2)))
        elif self._draws and len(args) > 1:
            for values, factor in (args[:2], args[1::-1]):
                draw = next((draw for draw in self._draws if draw.values is values), None)
                if draw is not None and draw.levels is None and isinstance(factor, Tensor):
                    draw.levels = _levels(factor, len(draw.values))
                    draw.along = 0 < factor.dim() < draw.values.dim() and factor.numel() > 1

    def loss(self, call: LossCall) -> None:
        """Compare the draws of this step with the target, and with what entered the model."""
        draws = self._draws if self._step == self._view.step else []
        self._draws = []
        target = call.output if call.target.requires_grad else call.target
        if len(self._view.inputs) > 1 and not self._whole.full:
            self._given_back(target)
        if not draws or self._view.again or target.requires_grad or not target.is_floating_point():
            return
        drawn = [draw for draw in draws if draw.values.shape == target.shape]
        given = self._given(target)
        if not drawn or given is None:
            return
        self._steps += 1
        for number, draw in enumerate(drawn):
            site = self._sites.setdefault((number, draw.place), _Site(values=target[0].numel()))
            if site.examples < MOST_EXAMPLES:
                _take(site, draw, *given, target)

    def _given_back(self, target: Tensor) -> None:
        """Take examples that a model is asked to give back, and what enters beside them."""
        inputs = self._view.inputs
        if not is_readable(target) or not target.is_floating_point():
            return
        parts = [part for part in data_of(inputs) if part.dim() and len(part) == len(target)]
        rest = [part for part in parts if part.data_ptr() != target.data_ptr() or part.numel() != target.numel()]
        if target.dim() > 1 and len(rest) == len(parts) - 1:
            self._whole.take_whole(_rows(target, MOST_EXAMPLES), [part[:MOST_EXAMPLES] for part in rest])
            self._place = user_place(2)

    def _given(self, target: Tensor) -> tuple[Tensor, list[Tensor]] | None:
        """What entered the model that may hold the noise, and the rest; made within the model, what entered a part."""
        view = self._view
        inner = [inputs for module, inputs in view.inner if module is not view.entry]
        for inputs in (view.inputs, *inner) if view.ended else inner:
            parts = [part for part in values_of(inputs) if part.dim() and len(part) == len(target)]
            for part in parts:
                wide = part.dim() == target.dim() == 2 and part.shape[1] > target.shape[1]
                if part.is_floating_point() and (part.shape == target.shape or wide):
                    rest = [other for other in parts if other is not part]
                    rest += _numbers(inputs, len(target)) if inputs is view.inputs else []
                    return part, ([part[:, target.shape[1] :], *rest] if wide else rest)
        return None

    def finish(self) -> Iterator[facts.AddedNoise | facts.Condition]:
        """What was found."""
        for (_, place), site in self._sites.items():
            if site.examples:
                yield site.fact(place)
            told = site.conditions.fact(place)
            if told is not None:
                yield told
        whole = self._whole.fact(self._place)
        if whole is not None:
            yield whole

    def release(self) -> None:
        """Let go of what is the program's."""
        self._draws.clear()


def _numbers(inputs: Sequence[Any], examples: int) -> list[Tensor]:
    """Single numbers that a model is given, such as one time step for all, once for each example."""
    return [torch.full((examples,), float(value)) for value in inputs if type(value) in (int, float)]


def _is_draw(output: Any) -> bool:
    return (
        isinstance(output, Tensor)
        and output.dim() > 1
        and 1 < len(output) < output.numel() <= MOST_VALUES
        and not output.requires_grad
        and is_readable(output)
    )


def _levels(factor: Tensor, examples: int) -> Tensor | None:
    """What the noise of each example is multiplied by; None where that is no single number."""
    if not is_readable(factor) or factor.requires_grad or not factor.dim():
        return None
    if factor.numel() == 1:
        return factor.reshape(-1).double().expand(examples).clone()
    if len(factor) != examples:
        return None
    flat = factor.reshape(examples, -1)
    return flat[:, 0].double().clone() if bool((flat == flat[:, :1]).all()) else None


def _take(site: _Site, draw: _Draw, given: Tensor, beside: Sequence[Tensor], target: Tensor) -> None:
    """Add the examples of a batch."""
    most = MOST_EXAMPLES - site.examples
    rows = [_rows(part, most) for part in (draw.values, given, target)]
    width = rows[2].shape[1]
    site.sums.add(*(part[:, :width] - part[:, :width].mean(dim=0) for part in rows))
    site.examples += len(rows[2])
    site.along += len(rows[2]) if draw.along else 0
    levels = None if draw.levels is None or draw.along else draw.levels[: len(rows[2])]
    noise, noisy, asked = (part[:, :width] for part in rows)
    site.conditions.take(noise, noisy, asked, [part[:most] for part in beside], levels=levels)
    if draw.levels is not None:
        columns = [_rows(part, most)[:, :BESIDE] for part in beside]
        conditions = torch.cat(columns, dim=1) if columns else rows[2].new_zeros(len(rows[2]), 0)
        if not site.beside or site.beside[0].shape[1] == conditions.shape[1]:
            site.levels.append(draw.levels[: len(rows[2])])
            site.beside.append(conditions)


def _rows(part: Tensor, most: int) -> Tensor:
    return part.detach()[:most].flatten(1).double() if part.dim() > 1 else part.detach()[:most, None].double()


def _correlation(products: float, *squares: float) -> float:
    size = float(np.prod(squares)) ** 0.5
    return products / size if size else 0.0


def _told(beside: np.ndarray[Any, Any], levels: np.ndarray[Any, Any]) -> float | None:
    """How far what enters beside tells the level of noise, in standard deviations of chance."""
    if (beside == beside[0]).all():
        return 0.0
    moved = beside + JITTER * beside.std(axis=0) * np.random.default_rng(0).standard_normal(beside.shape)
    found = association(moved, levels)
    return None if found is None else max(found.neighbours, found.linear)
