"""The loss along a line and on a plane through a model's weights: one call each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unstuck.curvature import Landscape
from unstuck.errors import ArgumentError
from unstuck.gradcheck.objective import LossFunction, Penalty
from unstuck.gradcheck.steady import steady
from unstuck.landscape.components import Components, components
from unstuck.landscape.directions import Weights, filter_directions
from unstuck.landscape.evaluate import Evaluator, Progress
from unstuck.landscape.section import Line, Path, Plane
from unstuck.preflight import Subject

__all__ = ["line", "plane"]

Floats = NDArray[np.float64]
MOST = 501  #: points to a side
BEYOND = 0.25  #: how far a line goes on behind its ends, in their distance
MARGIN = 0.2  #: how far a plane goes on around its path, in the path's width


def line(
    model: nn.Module,
    loss: LossFunction,
    data: Any,
    /,
    *,
    start: Mapping[str, Tensor],
    end: Mapping[str, Tensor] | None = None,
    names: tuple[str, str] = ("the start", "the end"),
    regularisation: Penalty | None = None,
    points: int = 51,
    examples: int = 512,
    seed: int = 0,
    progress: Progress | None = None,
) -> Line:
    r"""The loss along the straight line from one set of weights to another, and a quarter of the way beyond.

    .. math:: L\bigl((1 - t)\,w_\text{start} + t\,w_\text{end}\bigr), \qquad -\tfrac14 \le t \le \tfrac54

    Args:
        model: Any module; it is left as it was.
        loss: Of outputs and targets.
        data: A batch (inputs, targets), or batches.
        start: Weights by name, as ``model.state_dict()`` gives them.
        end: The same; those of the model by default.
        names: What they are called.
        regularisation: A penalty on the model, added to the loss.
        points: How many places, from 3 to 501.
        examples: Whole batches are taken until there are as many.
        seed: Of whatever the model draws.
        progress: Who is told how far it is.

    Raises:
        ArgumentError: The parts do not fit each other, the loss raises or is not finite at the model's own weights, or
            the two ends are identical.

    Source: Goodfellow et al., "Qualitatively characterizing neural network optimization problems" (2015).

    Examples:
        >>> model = nn.Linear(1, 1, bias=False)
        >>> at = lambda value: {"weight": torch.tensor([[value]])}
        >>> batch = torch.ones(4, 1), torch.ones(4, 1)
        >>> found = line(model, nn.functional.mse_loss, batch, start=at(0.0), end=at(2.0), points=7)
        >>> found.losses.round(4).tolist()
        [2.25, 1.0, 0.25, 0.0, 0.25, 1.0, 2.25]
    """
    _check(points)
    began = time.perf_counter()
    with steady(None):
        place = _Place.of(model, loss, data, regularisation=regularisation, examples=examples, seed=seed)
        first = place.weights("start", start)
        last = place.own if end is None else place.weights("end", end)
        direction = {name: last[name] - first[name] for name in first}
        distance = float(_row(direction).norm())
        if not distance:
            raise ArgumentError("end: the same weights as at the start, so that no line leads from one to the other")
        evaluator = Evaluator(landscape=place.landscape, origin=first, directions=(direction,))
        at = np.linspace(-BEYOND, 1 + BEYOND, points)
        losses = evaluator.losses(np.concatenate([at, [0.0, 1.0]])[:, None], progress)
    return Line(
        names=names,
        distance=distance,
        at=at,
        losses=losses[:-2],
        ends=(float(losses[-2]), float(losses[-1])),
        notes=place.notes(evaluator),
        seconds=time.perf_counter() - began,
    )


def plane(
    model: nn.Module,
    loss: LossFunction,
    data: Any,
    /,
    *,
    path: Sequence[Mapping[str, Tensor]] = (),
    names: Sequence[str] = (),
    regularisation: Penalty | None = None,
    points: int = 51,
    reach: float = 1.0,
    examples: int = 512,
    seed: int = 0,
    progress: Progress | None = None,
) -> Plane:
    """The loss on a plane: about the model's weights in random directions, or in those of a path.

    Without a path the directions are random and have, filter by filter, the norm of the weights. With one, they are
    the first two principal components of its points, and the plane goes through its end. The loss is computed in the
    precision of the model with dropout off; batch normalisation normalises by the batch, so that its statistics belong
    to the weights at each point.

    Args:
        model: Any module; it is left as it was.
        loss: Of outputs and targets.
        data: A batch (inputs, targets), or batches.
        path: Weights by name, as ``model.state_dict()`` gives them, at three points or more; the last is the end.
        names: What they are called; numbers by default.
        regularisation: A penalty on the model, added to the loss.
        points: To a side, from 3 to 501.
        reach: Without a path: to each side, in sizes of the filters.
        examples: Whole batches are taken until there are as many.
        seed: Of the random directions, and of whatever the model draws.
        progress: Who is told how far it is.

    Raises:
        ArgumentError: The parts do not fit each other, the loss raises or is not finite at the model's own weights, the
            points of the path are identical or on one line, or nothing is left to move.

    Source: Li et al., "Visualizing the loss landscape of neural nets" (2018).

    Examples:
        >>> _ = torch.manual_seed(0)
        >>> x = torch.randn(64, 4)
        >>> found = plane(nn.Linear(4, 1), nn.functional.mse_loss, (x, x.sum(1, keepdim=True)), points=5)
        >>> found.losses.shape, bool(found.losses[2, 2] == found.centre)
        ((5, 5), True)
    """
    _check(points)
    if not 0 < reach < float("inf"):
        raise ArgumentError(f"reach={reach!r}: a number above 0 is accepted, in sizes of the filters")
    began = time.perf_counter()
    with steady(None):
        place = _Place.of(model, loss, data, regularisation=regularisation, examples=examples, seed=seed)
        frame = _of_path(place, path, points) if path else _of_filters(place, reach, points, seed)
        evaluator = Evaluator(landscape=place.landscape, origin=frame.origin, directions=frame.directions)
        across, up = np.meshgrid(frame.x, frame.y)
        grid = np.column_stack([across.ravel(), up.ravel()])
        losses = evaluator.losses(np.concatenate([grid, frame.feet]), progress)
        walked = _path(place.landscape, frame, tuple(names), beneath=losses[len(grid) :])
    return Plane(
        kind="path" if path else "filters",
        x=frame.x,
        y=frame.y,
        losses=losses[: len(grid)].reshape(across.shape),
        centre=float(losses[-1]),
        explained=frame.shape and frame.shape.explained,
        path=walked,
        seed=seed,
        notes=place.notes(evaluator),
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The loss about a model's weights, in the model's own precision.

    Attributes:
        landscape: The mean loss over batches.
        own: The model's weights.
        examples: How many examples there are.
        batch_statistics: Whether a layer normalises by the batch.
    """

    landscape: Landscape
    own: Weights
    examples: int
    batch_statistics: bool

    @classmethod
    def of(
        cls,
        model: nn.Module,
        loss: LossFunction,
        data: Any,
        *,
        regularisation: Penalty | None,
        examples: int,
        seed: int,
    ) -> _Place:
        subject = Subject.of(model, loss, data, regularisation=regularisation, seed=seed)
        if examples < 1:
            raise ArgumentError(f"examples={examples!r}: a whole number from 1 is accepted")
        double = any(p.dtype == torch.float64 for p in model.parameters())
        taken, count = [], 0
        for batch in subject.batches:
            taken.append(batch)
            count += _size(batch)
            if count >= examples:
                break
        landscape = Landscape.of(
            subject.twin(),
            subject.loss,
            taken,
            penalty=regularisation,
            dtype=torch.float64 if double else torch.float32,
            seed=seed,
        )
        own = {name: leaf.detach() for name, leaf in landscape.leaves.items()}
        normalised = any(type(module).__name__.startswith(("BatchNorm", "SyncBatch")) for module in model.modules())
        return cls(landscape=landscape, own=own, examples=count, batch_statistics=normalised)

    def weights(self, argument: str, state: Mapping[str, Tensor]) -> Weights:
        """Take the model's weights out of a state.

        Raises:
            ArgumentError: One is missing, of another shape, or not finite.
        """
        found: dict[str, Tensor] = {}
        for name, own in self.own.items():
            value = state.get(name, state.get(name.removeprefix("model.")))
            if not isinstance(value, Tensor) or value.shape != own.shape:
                has = "is missing" if not isinstance(value, Tensor) else f"has shape {tuple(value.shape)}"
                raise ArgumentError(f"{argument}: {name} {has}, and the model's has {tuple(own.shape)}")
            if not bool(torch.isfinite(value).all()):
                raise ArgumentError(f"{argument}: {name} holds NaN or infinity; leave this point out")
            found[name] = value.detach().to(own)
        return found

    def notes(self, evaluator: Evaluator) -> tuple[str, ...]:
        """How the loss was computed."""
        said = f"Mean loss of {self.examples:,} examples, dropout off"
        said += ", batch normalisation by the batch." if self.batch_statistics else "."
        said += f" Points were evaluated {evaluator.how}."
        raised = f"At some points the model or the loss raised: {evaluator.refused}." if evaluator.refused else ""
        return (said, *(f"{note[0].upper()}{note[1:]}." for note in self.landscape.notes), *filter(None, [raised]))


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Where a plane lies.

    Attributes:
        origin: The weights at 0, 0.
        directions: Those of the two axes.
        x: Places along the first.
        y: Places along the second.
        feet: What else to look at on the plane, shape (K, 2): the feet of the path, or 0, 0; the last is the origin.
        ways: The weights along the path.
        shape: The path's components; None without one.
    """

    origin: Weights
    directions: Sequence[Weights]
    x: Floats
    y: Floats
    feet: Floats
    ways: Sequence[Weights] = ()
    shape: Components | None = None


def _of_filters(place: _Place, reach: float, points: int, seed: int) -> _Frame:
    at = np.linspace(-reach, reach, points)
    directions = filter_directions(place.landscape, seed=seed)
    return _Frame(origin=place.own, directions=directions, x=at, y=at, feet=np.zeros((1, 2)))


def _of_path(place: _Place, path: Sequence[Mapping[str, Tensor]], points: int) -> _Frame:
    ways = [place.weights(f"path[{k}]", state) for k, state in enumerate(path)]
    shape = components([_row(way) for way in ways])
    x, y = (_around(shape.coordinates[:, axis], points) for axis in (0, 1))
    directions = [_apart(row, ways[-1]) for row in shape.directions]
    return _Frame(origin=ways[-1], directions=directions, x=x, y=y, feet=shape.coordinates, ways=ways, shape=shape)


def _path(landscape: Landscape, frame: _Frame, names: tuple[str, ...], *, beneath: Floats) -> Path | None:
    if frame.shape is None:
        return None
    losses = [
        Evaluator(landscape=landscape, origin=way, directions=()).losses(np.zeros((1, 0)))[0] for way in frame.ways
    ]
    return Path(
        names=names or tuple(map(str, range(len(losses)))),
        coordinates=frame.shape.coordinates,
        off=frame.shape.off,
        losses=np.array(losses),
        beneath=beneath,
        length=frame.shape.length,
    )


def _row(weights: Weights) -> Tensor:
    return torch.cat([w.reshape(-1).double() for w in weights.values()])


def _apart(row: Tensor, like: Weights) -> Weights:
    parts = row.split([w.numel() for w in like.values()])
    return {name: part.reshape(w.shape).to(w) for (name, w), part in zip(like.items(), parts, strict=True)}


def _around(places: Floats, points: int) -> Floats:
    low, high = float(places.min()), float(places.max())
    room = MARGIN * (high - low)
    return np.linspace(low - room, high + room, points)


def _size(batch: tuple[Any, Any]) -> int:
    targets = batch[1]
    return len(targets) if isinstance(targets, Tensor) and targets.ndim else 1


def _check(points: int) -> None:
    if not 3 <= points <= MOST:
        raise ArgumentError(f"points={points!r}: 3 to {MOST} are accepted; the time grows with their number")
