"""Everything about the curvature at a point: one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.curvature.agreement import require_agreement
from unstuck.curvature.blocks import Grouping, blocks
from unstuck.curvature.critical import Point, kind_of
from unstuck.curvature.density import density
from unstuck.curvature.escape import Trial, try_direction
from unstuck.curvature.extremes import SINGLE_TOLERANCE, TOLERANCE, extremes
from unstuck.curvature.gradient import slope
from unstuck.curvature.landscape import Landscape
from unstuck.curvature.rate import RateUse, rate_in_use, rate_limit
from unstuck.curvature.result import Block, Curvature
from unstuck.curvature.trace import trace
from unstuck.errors import ArgumentError
from unstuck.gradcheck.objective import LossFunction, Penalty
from unstuck.optional import require
from unstuck.preflight import Subject

__all__ = ["measure", "measure_function"]

BLOCK_TOLERANCE = 1e-3
"""Of blocks the size matters, not the last digit; each is shown with its residual."""


def measure(
    model: nn.Module,
    loss: LossFunction,
    data: Any,
    /,
    *,
    optimizer: Optimizer | RateUse | None = None,
    regularisation: Penalty | None = None,
    top: int = 3,
    grouping: Grouping = "layer",
    probes: int = 30,
    runs: int = 3,
    examples: int = 256,
    seed: int = 0,
) -> Curvature:
    """Measure gradient, spectrum and largest stable rate where a model stands, and say what kind of point that is.

    It works on a copy in double precision with dropout off; batch normalisation normalises by the batch. The model,
    the generators and all gradients are left as they were.

    Args:
        model: Any module.
        loss: Of outputs and targets.
        data: A batch (inputs, targets), or batches.
        optimizer: How weights are moved, for the largest stable rate.
        regularisation: A penalty on the model, added to the loss.
        top: Eigenvalues of each end.
        grouping: What blocks are looked at: ``"layer"``, ``"parameter"`` or ``"none"``.
        probes: Random vectors for the trace, from 2.
        runs: Lanczos runs for the density.
        examples: Whole batches are taken until there are as many.
        seed: Seed of whatever is drawn.

    Raises:
        ArgumentError: The parts do not fit each other, the loss raises or is not finite, or a layer has no second
            derivative, which the message names.
        MissingPackageError: scipy is not installed.

    Examples:
        >>> class Product(nn.Module):  # L = (1 - w1 w2)^2, at the saddle
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.w = nn.Parameter(torch.zeros(2))
        ...     def forward(self, x):
        ...         return x * self.w.prod()
        >>> found = measure(Product(), nn.functional.mse_loss, (torch.ones(1), torch.ones(1)))
        >>> found.kind, round(found.smallest[0].value, 9), round(found.escape.lowest[1], 3)
        ('saddle point', -2.0, 0.25)
    """
    _check(top=top, probes=probes, runs=runs, examples=examples)
    subject = Subject.of(model, loss, data, regularisation=regularisation, seed=seed)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ArgumentError(
            f"model={type(model).__name__}: no parameter requires a gradient, so that there is no direction to look "
            "along; set requires_grad to True on those that are trained"
        )
    use = rate_in_use(optimizer) if isinstance(optimizer, Optimizer) else optimizer
    with Landscape.steady(model):
        landscape = Landscape.of(
            subject.twin(), loss, _some(subject.batches, examples), penalty=regularisation, seed=seed
        )
        return _measured(landscape, use, top=top, grouping=grouping, probes=probes, runs=runs, seed=seed)


def measure_function(
    function: Callable[..., Tensor],
    point: Sequence[Tensor],
    /,
    *,
    top: int = 3,
    seed: int = 0,
    rate: float | None = None,
) -> Curvature:
    """The same for a function of tensors that gives one number.

    Args:
        function: The function.
        point: Its arguments: where to look.
        top: Eigenvalues of each end.
        seed: Seed of whatever is drawn.
        rate: The rate of plain descent on it, if it is known.

    Raises:
        ArgumentError: The function raises, gives no number, or one that is not finite.
        MissingPackageError: scipy is not installed.

    Examples:
        >>> rosenbrock = lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2
        >>> found = measure_function(rosenbrock, [torch.tensor(1.0), torch.tensor(1.0)])
        >>> found.kind, round(found.largest[0].value, 4), round(found.smallest[0].value, 6)
        ('local minimum', 1001.6006, 0.399361)
    """
    _check(top=top)
    use = None if rate is None else RateUse(method="SGD", rate=rate)
    with Landscape.steady(function):
        landscape = Landscape.of(function, _itself, [(tuple(point), torch.zeros(()))], by_inputs=True, seed=seed)
        return _measured(landscape, use, top=top, grouping="none", probes=30, runs=3, seed=seed)


def _itself(value: Tensor, _: object) -> Tensor:
    return value


def _measured(
    landscape: Landscape, use: RateUse | None, *, top: int, grouping: Grouping, probes: int, runs: int, seed: int
) -> Curvature:
    require("scipy.sparse.linalg", extra="train", purpose="eigenvalues of the Hessian")
    began = time.perf_counter()
    precise, size = not landscape.narrow, landscape.size
    product = landscape.hessian()
    remark = require_agreement(landscape, product, seed=seed)
    gradient = slope(landscape)
    found = extremes(product, size, count=top, tolerance=TOLERANCE if precise else SINGLE_TOLERANCE, seed=seed)
    point = Point(
        loss=landscape.loss(),
        weights=float(landscape.point.norm()),
        slope=gradient,
        largest=found.largest[0],
        smallest=found.smallest[0],
        precise=precise,
    )
    kind = kind_of(point)
    return Curvature(
        kind=kind,
        point=point,
        largest=found.largest,
        smallest=found.smallest,
        trace=trace(product, size, probes=probes, seed=seed),
        density=density(product, size, probes=runs, seed=seed),
        blocks=tuple(_blocks(landscape, grouping, seed=seed)),
        rate=rate_limit(found.largest[0].value, use),
        escape=_way_out(landscape, point, steep=kind == "no critical point"),
        parameters=size,
        batches=len(landscape.problems),
        notes=(*landscape.notes, remark) if remark else landscape.notes,
        products=landscape.products,
        seconds=time.perf_counter() - began,
    )


def _blocks(landscape: Landscape, grouping: Grouping, *, seed: int) -> Iterable[Block]:
    for name, weights in blocks(landscape.leaves, grouping).items():
        size = sum(landscape.leaves[weight].numel() for weight in weights)
        ends = extremes(landscape.hessian(weights), size, count=1, tolerance=BLOCK_TOLERANCE, seed=seed)
        yield Block(name=name, parameters=size, largest=ends.largest[0], smallest=ends.smallest[0])


def _way_out(landscape: Landscape, point: Point, *, steep: bool) -> Trial:
    """Downhill where there is a slope, else along the direction of the smallest curvature."""
    gradient = landscape.gradient()
    if steep:
        return try_direction(landscape, -(gradient / gradient.norm()).cpu(), sides=(1.0,))
    direction = point.smallest.vector
    along = float(direction @ gradient.to(direction.device))
    return try_direction(landscape, -direction if along > 0.0 else direction)


def _some(batches: Sequence[tuple[Any, Tensor]], examples: int) -> list[tuple[Any, Tensor]]:
    taken: list[tuple[Any, Tensor]] = []
    count = 0
    for batch in batches:
        taken.append(batch)
        count += len(batch[1]) if batch[1].ndim else 1
        if count >= examples:
            break
    return taken


def _check(**counts: int) -> None:
    for name, value in counts.items():
        least = 2 if name == "probes" else 1
        if value < least:
            raise ArgumentError(f"{name}={value!r}: a whole number from {least} is accepted")
