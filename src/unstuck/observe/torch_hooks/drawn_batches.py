"""From which places of its data set a batch was drawn: what the samplers of loaders gave for the latest batches."""

from __future__ import annotations

import functools
import weakref
from collections import UserDict, deque
from collections.abc import Callable, Iterable
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


AHEAD = 64
"""Draws that are remembered: workers draw ahead."""

_ROWS = (list, tuple)

_drawn: deque[tuple[weakref.ref[Any], int, tuple[Any, ...]]] = deque(maxlen=AHEAD)
"""The latest draws: by which iteration, for its batch of which number, and the places."""

_latest: deque[tuple[tuple[Any, ...], list[weakref.ref[Tensor]]]] = deque(maxlen=LATEST)
"""The latest batches that were handed out: their places, and their tensors."""


def around_draw(draw: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Note which places the sampler gives for the next batch."""

    @functools.wraps(draw)
    def watched(self: Any) -> Any:
        places = draw(self)
        if isinstance(places, _ROWS) and len(places) <= MOST_PLACES:  # pyright: ignore[reportUnknownArgumentType]
            if not self._num_workers:
                _drawn.append((weakref.ref(self), self._num_yielded, tuple(places)))  # pyright: ignore[reportUnknownArgumentType]
            elif getattr(self, "_in_order", True):
                _drawn.append((weakref.ref(self), self._send_idx, tuple(places)))  # pyright: ignore[reportUnknownArgumentType]
        return places

    return watched


def around_batch(advance: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Join a batch that is handed out with the places that it was drawn from."""

    @functools.wraps(advance)
    def watched(self: Any) -> Any:
        batch = advance(self)
        for back in range(1, len(_drawn) + 1):  # by number, for another thread may append meanwhile
            iteration, number, places = _drawn[-back]
            if number == self._num_yielded - 1 and iteration() is self:
                _latest.append((places, [weakref.ref(tensor) for tensor in _tensors(batch)]))
                break
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
    found = {places for places, references in _latest if _lie_in(references, memories)}
    places = found.pop() if len(found) == 1 else ()
    return tuple(map(int, places)) if all(isinstance(place, int | np.integer) for place in places) else ()


def _lie_in(references: Iterable[weakref.ref[Tensor]], memories: set[int]) -> bool:
    alive = (tensor for reference in references if (tensor := reference()) is not None)
    return any(is_readable(tensor) and _memory(tensor) in memories for tensor in alive)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _tensors(batch: Any) -> list[Tensor]:
    """The tensors of a batch, as far as it is a container of Python's."""
    if not isinstance(batch, _ROWS):
        if isinstance(batch, Tensor):
            return [batch]
        if isinstance(batch, UserDict):
            batch = vars(batch).get("data")
        if not isinstance(batch, dict):
            return []
        batch = dict.values(batch)  # pyright: ignore
    return [part for part in batch if isinstance(part, Tensor)][:MOST_TENSORS]  # pyright: ignore
