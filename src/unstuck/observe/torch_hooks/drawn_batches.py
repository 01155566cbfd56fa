"""From which places of its data set a batch was drawn: what the samplers of loaders gave for the latest batches."""

from __future__ import annotations

import functools
import weakref
from collections import UserDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from unstuck.observe.tensors.readable import is_readable

__all__ = ["around_batch", "around_draw", "places_of"]

LATEST = 16
"""Batches that are remembered: libraries fetch some ahead, and several may be for one update."""

MOST_TENSORS = 8

MOST_PLACES = 4096
"""Examples of a batch, of more no places are kept."""


@dataclass(frozen=True)
class _Batch:
    """A batch that a loader has handed out."""

    places: tuple[Any, ...]
    tensors: tuple[weakref.ref[Tensor], ...]


_drawn: weakref.WeakKeyDictionary[Any, dict[int, tuple[Any, ...]]] = weakref.WeakKeyDictionary()
"""Of each iteration the places of batches that are not handed out yet, which workers may draw ahead, by number."""

_latest: deque[_Batch] = deque(maxlen=LATEST)


def around_draw(draw: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Note which places the sampler gives for the next batch."""

    @functools.wraps(draw)
    def watched(self: Any) -> Any:
        places = draw(self)
        if isinstance(places, list | tuple) and len(places) <= MOST_PLACES and getattr(self, "_in_order", True):  # pyright: ignore[reportUnknownArgumentType]
            number: int = getattr(self, "_send_idx", self._num_yielded)
            _drawn.setdefault(self, {})[number] = tuple(places)  # pyright: ignore[reportUnknownArgumentType]
        return places

    return watched


def around_batch(advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Join a batch that is handed out with the places that it was drawn from."""

    @functools.wraps(advance)
    def watched(self: Any) -> Any:
        batch = advance(self)
        waiting = _drawn.get(self)
        places = waiting.pop(self._num_yielded - 1, None) if waiting else None
        if places is not None:
            _latest.append(_Batch(places, tuple(map(weakref.ref, _tensors(batch)))))
        return batch

    return watched


def places_of(tensors: Iterable[Tensor]) -> tuple[int, ...]:
    """The places in its data set that the batch was drawn from whose memory some tensors lie in.

    Args:
        tensors: What model and loss were given.

    Returns:
        The place of each example, in the order of the batch; empty where they lie in none of the latest batches, or in
        several, and where places are no numbers.
    """
    memories = {_memory(tensor) for tensor in tensors if is_readable(tensor)}
    found = {batch.places for batch in _latest if _lies_in(batch, memories)}
    places = found.pop() if len(found) == 1 else ()
    return tuple(map(int, places)) if all(isinstance(place, int | np.integer) for place in places) else ()


def _lies_in(batch: _Batch, memories: set[int]) -> bool:
    alive = (tensor for reference in batch.tensors if (tensor := reference()) is not None)
    return any(is_readable(tensor) and _memory(tensor) in memories for tensor in alive)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _tensors(batch: Any) -> list[Tensor]:
    """The tensors of a batch, as far as it is a container of Python's."""
    if isinstance(batch, Tensor):
        return [batch]
    if isinstance(batch, UserDict):
        batch = vars(batch).get("data")
    parts: Iterable[Any] = dict.values(batch) if isinstance(batch, dict) else batch  # pyright: ignore
    if not isinstance(batch, dict | list | tuple):
        return []
    return [part for part in parts if isinstance(part, Tensor)][:MOST_TENSORS]
