"""How far inputs tell their targets, by the simplest of learners: nearest neighbours and lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from unstuck.record import facts

__all__ = ["association"]

FEWEST = 100
"""Distinct pairs below which nothing is said."""

NEIGHBOURS = 5
COMPONENTS = 32
PROJECTIONS = 32
"""Random sums that stand for targets of more numbers."""

MOST_CLASSES = 8
"""Classes of several targets that are looked at, the commonest."""

WIDE = 4.0
"""Standard deviations at which one of several targets is cut off, so that no few examples decide."""

PERMUTATIONS = 60
"""Shuffles of the targets that tell what chance gives."""

Floats = NDArray[np.float64]
Aligned = tuple[Floats, Floats]


def association(
    inputs: Floats,
    targets: Floats,
    *,
    conditions: Floats | None = None,
    aligned: Aligned | None = None,
    classes: bool = False,
    parts: int = 1,
) -> facts.Association | None:
    """How far targets of neighbours agree, and how much of them a line explains, in standard deviations of chance.

    The first statistic is the mean, over examples, of the targets' product with the mean target of the five nearest
    other examples; the second the squared norm of the targets' projection onto the leading principal components of the
    inputs and their products with the conditions, or, where that shows more, their covariance with the inputs and
    squared inputs at the same positions. Targets are centred, classes as indicators; of several, each is scaled to unit
    variance, and random sums stand for more than 32. All is compared with the same for shuffled targets.

    Args:
        inputs: Shape (N, F).
        targets: Shape (N,): class ids, or real numbers; shape (N, K) for several of them each.
        conditions: Shape (N, C): numbers that the relation may depend on.
        aligned: Inputs and targets at the same positions, shapes (N, C, P) and (N, K, P).
        classes: Whether several targets are class ids; of one it is seen.
        parts: Tensors that an example consists of.

    Returns:
        The comparison; None for fewer than a hundred distinct examples, or constant inputs or targets.

    Examples:
        >>> import numpy as np
        >>> generator = np.random.default_rng(0)
        >>> x = generator.normal(size=(400, 3))
        >>> label = (x[:, 0] * x[:, 1] > 0).astype(float)
        >>> found, shuffled = association(x, label), association(x, generator.permutation(label))
        >>> found.neighbours > 8, shuffled.neighbours < 4, shuffled.linear < 4
        (True, True, True)
        >>> noise = generator.normal(size=(400, 50))
        >>> noisy = noise + generator.normal(size=(400, 50))
        >>> association(noisy, noise).linear > 30, association(noisy, generator.normal(size=(400, 50))).linear < 4
        (True, True)
    """
    met = len(inputs)
    conditions = np.zeros((met, 0)) if conditions is None else conditions
    several = targets.ndim > 1
    known = np.isfinite(inputs).all(axis=1) & np.isfinite(conditions).all(axis=1)
    known &= np.isfinite(targets.reshape(met, -1)).all(axis=1)
    whole = np.hstack([inputs, conditions])[known]
    whole, first = np.unique(whole, axis=0, return_index=True)  # equal examples are no neighbours
    targets = targets[known][first]
    if len(whole) < FEWEST:
        return None
    inputs, conditions = (_scaled(part) for part in np.split(whole, [inputs.shape[1]], axis=1))
    centred = _several(targets, classes=classes) if several else _centred(targets)
    if not (inputs.size or conditions.size) or not centred.any():
        return None
    near = _neighbours(np.hstack([inputs, conditions]))
    basis = _basis(inputs, conditions)
    generator = np.random.default_rng(0)
    orders = [np.arange(len(whole)), *(generator.permutation(len(whole)) for _ in range(PERMUTATIONS))]
    by_neighbours = [float((y * y[near].mean(axis=1)).sum()) for y in (centred[order] for order in orders)]
    by_line = [float(np.square(basis.T @ centred[order]).sum()) for order in orders]
    linear = _standing(by_line)
    if aligned is not None:
        at_positions = _at_positions(aligned[0][known][first], aligned[1][known][first], classes=classes)
        linear = max(linear, _standing([at_positions(order) for order in orders]))
    return facts.Association(
        met=met,
        examples=len(whole),
        neighbours=_standing(by_neighbours),
        linear=linear,
        explained=float(1.0 - np.square(centred - centred[near].mean(axis=1)).sum() / np.square(centred).sum())
        if not several
        else float("nan"),
        told=_told(centred, near) if centred.shape[1] > 1 and not several else None,
        numbers=targets.shape[1] if several else 1,
        parts=parts,
    )


def _told(centred: Floats, near: NDArray[np.intp]) -> float:
    """Share of examples whose class most of their neighbours have; ties are won by the lower class."""
    indicators = centred - centred.min(axis=0)
    return float((indicators[near].sum(axis=1).argmax(axis=1) == indicators.argmax(axis=1)).mean())


def _standing(values: list[float]) -> float:
    """The first value in standard deviations of the others from their mean."""
    others = np.array(values[1:])
    return float((values[0] - others.mean()) / max(float(others.std(ddof=1)), 1e-300))


def _centred(targets: Floats) -> Floats:
    """Shape (N, K): indicators of few distinct values, the values themselves of many; less their mean."""
    distinct = np.unique(targets)
    several = len(distinct) > 64 or (distinct != np.round(distinct)).any()
    columns = targets[:, None] if several else (targets[:, None] == distinct).astype(np.float64)
    return columns - columns.mean(axis=0)


def _several(targets: Floats, *, classes: bool) -> Floats:
    """Shape (N, at most 32): several targets of an example, of equal weight, or random sums of them."""
    columns = _scaled(_indicators(targets) if classes else targets)
    columns = np.clip(columns, -WIDE, WIDE)
    if columns.shape[1] > PROJECTIONS:
        signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(columns.shape[1], PROJECTIONS))
        columns = columns @ signs / np.sqrt(columns.shape[1])
    return columns - columns.mean(axis=0)


def _indicators(ids: Floats) -> Floats:
    """Of class ids, shape (N, K, ...), whether they are one of the commonest, shape (N, K * classes, ...)."""
    distinct, counts = np.unique(ids, return_counts=True)
    commonest = distinct[np.argsort(counts)[::-1][:MOST_CLASSES]]
    return np.concatenate([ids == one for one in commonest], axis=1).astype(np.float64)


def _scaled(rows: Floats) -> Floats:
    """Columns less their mean, over their deviation; constant ones are left out."""
    spread = rows.std(axis=0)
    varies = spread > 1e-9 * np.abs(rows).max(axis=0, initial=1e-300)
    return (rows[:, varies] - rows[:, varies].mean(axis=0)) / spread[varies]


def _neighbours(rows: Floats) -> NDArray[np.intp]:
    """The nearest other rows of each, shape (N, NEIGHBOURS)."""
    square = np.square(rows).sum(axis=1)
    distance = square[:, None] + square - 2.0 * (rows @ rows.T)
    np.fill_diagonal(distance, np.inf)
    return np.argpartition(distance, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def _basis(inputs: Floats, conditions: Floats) -> Floats:
    """Orthonormal columns: leading principal components of inputs and, where there are conditions, products of both."""
    components = _components(inputs, most=min(COMPONENTS, len(inputs) // 4 // (1 + conditions.shape[1])))
    if not conditions.size:
        return components
    columns = np.hstack([components, *(components * one[:, None] for one in conditions.T), conditions])
    return _components(_scaled(columns), most=columns.shape[1])


def _components(columns: Floats, *, most: int) -> Floats:
    if not columns.size:
        return columns
    values, vectors = np.linalg.eigh(columns.T @ columns)  # ten times faster than the singular values
    kept = min(most, int((values > 1e-12 * values[-1]).sum()))
    return columns @ (vectors[:, -kept:] / np.sqrt(values[-kept:]))


def _at_positions(inputs: Floats, targets: Floats, *, classes: bool) -> Callable[[NDArray[np.intp]], float]:
    """How far targets in an order of the examples go with inputs and their squares at the same positions."""
    features = _at_each(np.nan_to_num(inputs, posinf=0.0, neginf=0.0))
    features = np.concatenate([features, _at_each(np.square(features))], axis=1)
    flat = features.transpose(1, 0, 2).reshape(features.shape[1], -1)
    targets = np.nan_to_num(targets, posinf=0.0, neginf=0.0)
    wanted = np.clip(_at_each(_indicators(targets) if classes else targets), -WIDE, WIDE).transpose(0, 2, 1)

    def agreement(order: NDArray[np.intp]) -> float:
        return float(np.square(flat @ wanted[order].reshape(-1, wanted.shape[2])).sum())

    return agreement


def _at_each(values: Floats) -> Floats:
    """Centred and scaled over the examples, at each position; 0 where all are the same."""
    centred, spread = values - values.mean(axis=0), values.std(axis=0)
    return centred / np.where(spread > 1e-9 * np.abs(values).max(axis=0, initial=1e-300), spread, np.inf)
