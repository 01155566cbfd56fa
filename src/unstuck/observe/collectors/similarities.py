"""How vectors that a network gives differ between examples, and what a loss over their similarities can tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.autograd.graph import operation, saved
from unstuck.observe.collectors.alike_batches import AlikeBatches
from unstuck.observe.collectors.effective_rank import effective_ranks
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Similarities", "spread"]

FEWEST = 8
"""Vectors from which on their differences say something."""

MOST = 256
"""Vectors, and entries of each, that are looked at."""

MOST_NODES = 40
"""Nodes between the scores that a loss takes and the product that gave them."""

PRODUCTS = frozenset({"Mm", "Bmm"})
UNIT = 1e-3
"""How far the length of a vector may be from one."""

SAME, CLEAR = 1e-6, 10.0
"""Scatter of the similarities of partners that are one thing, as a share of them, and times of that which are real."""

OF_CLASSES = frozenset({"cross_entropy", "nll_loss"})


def spread(vectors: Tensor) -> float:
    r"""How far directions differ: :math:`\sqrt{1 - \|\bar u\|^2}` of the vectors scaled to length one.

    Args:
        vectors: One a row.

    Examples:
        >>> spread(torch.eye(4)), spread(torch.ones(4, 3))
        (0.866..., 0.0)
    """
    units = functional.normalize(vectors.detach().double(), dim=1)
    return float((1.0 - units.mean(dim=0).square().sum()).clamp(min=1e-12).sqrt()) if len(units) else 0.0


class Similarities:
    """Look at vectors that are compared by their direction, in the steps whose loss is taken apart.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions: frozenset[Any] = frozenset({functional.normalize, functional.cosine_similarity, torch.cosine_similarity})

    def __init__(self, view: View) -> None:
        self._view = view
        self._new: dict[tuple[Any, ...], facts.Fact] = {}
        self._batches = AlikeBatches()

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Vectors are scaled to length one, or compared."""
        first = next(iter(args), None)
        if not self._view.apart or not _vectors(first):
            return
        place = user_place(2)
        compared = function is not functional.normalize
        other = args[1] if compared and len(args) > 1 else None
        both = isinstance(other, Tensor) and other.requires_grad
        self._look(first, place, pairs=compared and _vectors_of(other, like=first), both=both)

    def _look(self, vectors: Tensor, place: tuple[str | None, int | None], *, pairs: bool, both: bool) -> None:
        key = ("embeddings", self._view.step, *place)
        if key in self._new:
            return
        some = vectors.detach()[:MOST, :MOST]
        if not bool(torch.isfinite(some).all()):
            return
        self._new[key] = facts.Embeddings(
            step=self._view.step,
            examples=len(vectors),
            size=vectors.shape[1],
            spread=spread(vectors.detach()[:MOST]),
            rank=float(effective_ranks([functional.normalize(some.double(), dim=1)]).nan_to_num()),
            pairs=pairs,
            both=both,
            file=place[0],
            line=place[1],
        )

    def loss(self, call: LossCall) -> None:
        """A loss over classes may be one over similarities."""
        scores, partners = call.output, call.target
        if call.function not in OF_CLASSES or scores.dim() != 2 or scores.shape[1] < FEWEST:
            return
        if not _ranks(scores, partners):
            return
        self._batches.take(self._view.batch, self._view.step)
        if not self._view.apart:
            return
        place = user_place(1)
        scale = _scale(scores)
        itself = _itself(scores.detach(), partners)
        among = _among(scores.detach(), partners)
        if scale is not None or itself or among:
            self._new[("contrast", self._view.step, *place)] = facts.Contrast(
                step=self._view.step,
                candidates=scores.shape[1],
                itself=itself,
                among=among,
                scale=scale,
                file=place[0],
                line=place[1],
            )

    def facts(self) -> Iterator[facts.Fact]:
        """What is new."""
        new, self._new = self._new, {}
        yield from new.values()

    def finish(self) -> Iterator[facts.AlikeBatches]:
        """How batches differ."""
        found = self._batches.fact()
        if found is not None:
            yield found


def _vectors(value: object) -> TypeGuard[Tensor]:
    """Whether these are vectors of several examples that a network has given."""
    return (
        isinstance(value, Tensor)
        and value.grad_fn is not None
        and value.dim() == 2
        and len(value) >= FEWEST
        and value.shape[1] > 1
        and is_readable(value)
    )


def _vectors_of(value: object, *, like: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == like.shape


def _ranks(scores: Tensor, partners: Tensor) -> bool:
    """Whether each row has a partner of its own among the columns, or all have the first."""
    if partners.dim() != 1 or partners.is_floating_point() or len(partners) < FEWEST:
        return False
    distinct = len(partners.unique())
    return distinct == len(partners) or (distinct == 1 and int(partners[0]) == 0)


def _itself(scores: Tensor, partners: Tensor) -> bool:
    """Whether all partners have one and the same similarity, and none has a greater one."""
    known = scores[torch.isfinite(scores)].double()
    own = scores.gather(1, partners[:, None]).double()
    scatter = float(known.std()) if known.numel() > 1 else 0.0
    rounding = SAME * float(own.abs().max())
    if scatter < CLEAR * rounding or float(own.std()) > rounding:
        return False
    return bool((scores.double() <= own + CLEAR * rounding).all())


def _among(scores: Tensor, partners: Tensor) -> bool:
    """Whether each example is a candidate for itself, beside the partner that it has to find.

    Scores that are the same both ways compare a set of vectors with itself; no two vectors have, on average, a greater
    product than a vector with itself, unless that is masked.
    """
    own = scores.diagonal()
    if scores.shape[0] != scores.shape[1] or not bool(torch.isfinite(own).all()) or not bool(own.any()):
        return False
    if bool((partners == torch.arange(len(scores), device=partners.device)).any()):
        return False
    rounding = CLEAR * SAME * float(own.abs().max())
    return bool(own.mean() > scores.mean()) and bool(((scores - scores.T).abs() <= rounding).all())


def _scale(scores: Tensor) -> float | None:
    """What the cosines are multiplied by that scores are made of; None where they are no cosines."""
    node = _product(scores)
    left, right = (saved(node, name) for name in ("_saved_self", "_saved_mat2")) if node is not None else (None, None)
    if not (isinstance(left, Tensor) and isinstance(right, Tensor) and left.dim() == right.dim() == 2):
        return None
    rows, columns = left.detach(), right.detach().T
    if not (_unit(rows) and _unit(columns)) or len(rows) != len(scores):
        return None
    cosines = (rows[0] @ columns.T).double()
    given = scores.detach()[0].double()
    if len(cosines) != len(given):
        return None
    fits = torch.isfinite(given) & (cosines.abs() > UNIT)
    ratios = given[fits] / cosines[fits]
    return float(ratios.median().abs()) if len(ratios) else None


def _unit(vectors: Tensor) -> bool:
    return bool(((vectors.norm(dim=1) - 1.0).abs() < UNIT).all())


def _product(scores: Tensor) -> Any:
    """The product of matrices that scores were computed by."""
    queue, seen = deque([scores.grad_fn]), 0
    while queue and seen < MOST_NODES:
        node = queue.popleft()
        seen += 1
        if node is None:
            continue
        if operation(node) in PRODUCTS:
            return node
        queue.extend(successor for successor, _ in node.next_functions)
    return None
