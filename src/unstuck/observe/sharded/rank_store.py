"""What processes of one distributed training tell each other: by the store of their launcher, waiting for nobody.

``torchrun`` keeps a key-value store for the processes that it starts (``torch.distributed.TCPStore``). Writing to it
waits for no other process, unlike a collective call, which would hang a training whose ranks do not all make it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import distributed

__all__ = ["Exchange", "launched_exchange"]


class Exchange:
    """Arrays of numbers, told by some processes and read by others.

    Args:
        store: Where all of them are kept.
        rank: The number of this process.
    """

    def __init__(self, store: distributed.Store, *, rank: int) -> None:
        self.rank = rank
        self._store = store
        self._numbers = itertools.count()

    def next_number(self) -> int:
        """Number something that all processes come upon in the same order."""
        return next(self._numbers)

    def tell(self, topic: str, values: NDArray[np.float64]) -> None:
        """Leave an array for other processes."""
        data: Any = values.tobytes()  # torch's own annotation allows text only
        self._store.set(self._key(topic, self.rank), data)

    def told(self, topic: str, ranks: Sequence[int]) -> bool:
        """Whether these processes have all left something; False also where the store is gone."""
        try:
            return not ranks or self._store.check([self._key(topic, rank) for rank in ranks])
        except RuntimeError:
            return False

    def take(self, topic: str, rank: int) -> NDArray[np.float64]:
        """Read, and clear away, what a process has left."""
        key = self._key(topic, rank)
        values = np.frombuffer(self._store.get(key), np.float64)
        self._store.delete_key(key)
        return values

    @staticmethod
    def _key(topic: str, rank: int) -> str:
        return f"unstuck/{topic}/{rank}"


@cache
def launched_exchange() -> Exchange | None:
    """The exchange among the processes that were launched with this one; None where there are none, or no store."""
    if not distributed.is_available():
        return None
    try:
        if int(os.environ["WORLD_SIZE"]) < 2:
            return None
        rank, address, port = int(os.environ["RANK"]), os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        patience = timedelta(seconds=5)
        store = distributed.TCPStore(address, port, is_master=False, wait_for_workers=False, timeout=patience)
    except (KeyError, ValueError, RuntimeError):
        return None
    return Exchange(store, rank=rank)
