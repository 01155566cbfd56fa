"""By which ids do targets name the tokens of a sequence: by those of the input, by others, by one for all?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.scored_outputs import Scored, scored_outputs
from unstuck.observe.collectors.target_offsets import OF_CLASSES
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Pairs", "TargetCodes", "explained", "partners"]

MOST_STEPS = 12
"""Sampled steps in which ids are compared."""

MOST_TARGETS = 4_096
"""Targets of a step that are."""

Pairs = Counter[tuple[int, int]]


def partners(pairs: Pairs) -> Pairs:
    """The pairs in which each of two ids is the commonest partner of the other.

    Examples:
        >>> partners(Counter({(0, 3): 5, (1, 2): 4, (1, 3): 1}))
        Counter({(0, 3): 5, (1, 2): 4})
    """
    sides: tuple[dict[int, Pairs], dict[int, Pairs]] = defaultdict(Counter), defaultdict(Counter)
    for (one, other), count in pairs.items():
        sides[0][one][one, other] += count
        sides[1][other][one, other] += count
    best = [{common.most_common(1)[0][0] for common in side.values()} for side in sides]
    return Counter({pair: count for pair, count in pairs.items() if pair in best[0] & best[1]})


def explained(pairs: Pairs) -> float:
    """Share of the pairs that are of :func:`partners`.

    Examples:
        >>> explained(Counter({(0, 3): 5, (1, 2): 4, (1, 3): 1}))
        0.9
    """
    return partners(pairs).total() / max(1, pairs.total())


class TargetCodes:
    """Compare the ids that are asked for with those that the model is given, in the first sampled steps.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._next, self._own = Pairs(), Pairs()
        self._only = set[int | None]()
        self._steps = self._targets = 0
        self._step = -1
        self._place: tuple[str | None, int | None] = (None, None)

    def loss_of_ids(self, call: LossCall) -> None:
        """Take the first loss of a step."""
        view, target = self._view, call.target
        if self._step == view.updates or self._steps >= MOST_STEPS or call.function not in OF_CLASSES:
            return
        self._step, self._steps = view.updates, self._steps + 1
        if target.is_floating_point() or not is_readable(target) or not view.embedded:
            return
        self._place = (call.site.file, call.site.line) if call.handwritten else user_place(1)
        asked = target[(target >= 0) & (target != call.ignored)]
        self._targets += asked.numel()
        self._only.add(_only(asked, view.embedded))
        for one in view.embedded:
            scored = None if _alike(one.ids) else scored_outputs(call, one)
            if scored is not None and scored.targets is not None:
                self._pair(scored, scored.rows(one.ids))
                return

    def _pair(self, scored: Scored, ids: Tensor) -> None:
        assert scored.targets is not None
        assert scored.counted is not None
        here = ids[:, scored.front : scored.front + scored.kept]
        behind = ids[:, scored.front + 1 : scored.front + 1 + scored.kept]
        for given, pairs in ((here, self._own), (behind, self._next)):
            asked, counted = (part[:, : given.shape[1]] for part in (scored.targets, scored.counted))
            pairs.update(zip(_some(given[counted]), _some(asked[counted]), strict=True))

    def finish(self) -> Iterator[facts.TargetCode]:
        """What was found."""
        if not self._targets:
            return
        (only,) = self._only if len(self._only) == 1 else (None,)
        yield facts.TargetCode(
            targets=self._targets,
            only=only,
            ids=len({asked for _, asked in self._next}),
            explained=explained(self._next),
            renamed=_renamed(self._next),
            by_own=explained(self._own),
            file=self._place[0],
            line=self._place[1],
        )


def _renamed(pairs: Pairs) -> float:
    """Share of the pairs of different ids; 0 where all differ by one number, as where a table begins with other ids."""
    differences = {other - one for one, other in partners(pairs)}
    different = sum(count for (one, other), count in pairs.items() if one != other)
    return different / max(1, pairs.total()) if len(differences) > 1 else 0.0


def _some(ids: Tensor) -> list[int]:
    return ids[:MOST_TARGETS].tolist()


def _alike(ids: Tensor) -> bool:
    """Whether all examples have the same ids, as those of positions."""
    return bool((ids == ids[:1]).all()) or bool((ids == ids[:, :1]).all())


def _only(asked: Tensor, embedded: list[Embedded]) -> int | None:
    """The id that all targets are, if it stands in the input as often, and not in one line, as a start does."""
    if not asked.numel() or bool((asked != asked[0]).any()):
        return None
    places = (one.ids == asked[0] for one in embedded)
    often = any(int(here.sum()) == asked.numel() and not _in_line(here) for here in places)
    return int(asked[0]) if often else None


def _in_line(places: Tensor) -> bool:
    """Whether places fill whole rows or columns."""
    return any(bool((places.any(axis) == places.all(axis)).all()) for axis in (0, 1))
