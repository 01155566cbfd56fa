"""What the processes of one distributed training leave for each other, in their key-value store, waiting for nobody.

Processes find each other by a store (``torch.distributed.Store``), which ``torchrun`` keeps for those that it starts.
To write to it takes no other process, unlike a collective call, which hangs a training whose ranks do not all make it.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import distributed

__all__ = ["RankStore", "connect"]

PATIENCE = timedelta(seconds=1)
"""How long one access may take."""

Result = TypeVar("Result")


class RankStore:
    """Arrays of numbers that processes leave, and others read.

    A store that fails once is not asked again: its process has ended, and each further access might wait.

    Args:
        store: Where all of them are kept.
        rank: The number of this process.

    Attributes:
        failed: Whether the store is gone.

    Examples:
        >>> import numpy as np
        >>> from torch.distributed import HashStore
        >>> store = HashStore()
        >>> RankStore(store, rank=1).put("norms", np.array([3.0]))
        >>> here = RankStore(store, rank=0)
        >>> here.has("norms", [1, 2]), here.has("norms", [1]), here.get("norms", 1)
        (False, True, array([3.]))
    """

    def __init__(self, store: distributed.Store, *, rank: int) -> None:
        self.rank = rank
        self.failed = False
        self._store = store
        self._numbers = itertools.count()

    def next_number(self) -> int:
        """Number something that all processes come upon in the same order."""
        return next(self._numbers)

    def put(self, topic: str, values: NDArray[np.float64]) -> None:
        """Leave an array under a topic, for any process to read."""
        data: Any = values.tobytes()  # torch's own annotation allows text only
        self._access(lambda: self._store.set(self._key(topic, self.rank), data))

    def has(self, topic: str, ranks: Sequence[int]) -> bool:
        """Whether all these processes have left an array under a topic."""
        keys = [self._key(topic, rank) for rank in ranks]
        return not keys or bool(self._access(lambda: self._store.check(keys)))

    def get(self, topic: str, rank: int) -> NDArray[np.float64] | None:
        """Read and remove the array of a process that :meth:`has` one; None if the store has gone since."""
        key = self._key(topic, rank)
        data = self._access(lambda: self._store.get(key))
        self._access(lambda: self._store.delete_key(key))
        return None if data is None else np.frombuffer(data, np.float64)

    def _access(self, call: Callable[[], Result]) -> Result | None:
        if self.failed:
            return None
        try:
            return call()
        except RuntimeError:  # of which torch's errors of stores and networks are kinds
            self.failed = True
            return None

    @staticmethod
    def _key(topic: str, rank: int) -> str:
        return f"unstuck/{topic}/{rank}"


_known: weakref.WeakKeyDictionary[Any, RankStore] = weakref.WeakKeyDictionary()


def connect() -> RankStore | None:
    """The store of the processes with which this one computes; None where there are none, or no store can be had.

    It is reached by a connection of our own, so that no call of ours can delay one of the program's.
    """
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() < 2:
        return None
    group = distributed.group.WORLD
    if group in _known:
        return _known[group]
    try:
        store = distributed.distributed_c10d._get_default_store().clone()  # pyright: ignore
        store.set_timeout(PATIENCE)
    except (AttributeError, RuntimeError, ValueError):
        return None
    known = _known[group] = RankStore(store, rank=distributed.get_rank())
    return known
