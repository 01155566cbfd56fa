"""Call a kernel from several threads at once.

Kernels run without the interpreter's lock and draw their work by ticket, so plain Python threads serve. Numba's own
threading layers are not used: they must not be entered from two threads at once, and do not survive a fork.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["call_in_threads"]

_lock = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}


def call_in_threads(call: Callable[[], object], count: int) -> None:
    """Run ``call`` in ``count`` threads, the calling one included, and return when all are done."""
    if count <= 1:
        call()
        return
    pool = _pool(count - 1)
    waiting = [pool.submit(call) for _ in range(count - 1)]
    call()
    for future in waiting:
        if not future.cancel():  # a helper that has not begun by now is not needed
            future.result()


def _pool(size: int) -> ThreadPoolExecutor:
    with _lock:
        if size not in _pools:
            _pools[size] = ThreadPoolExecutor(size, thread_name_prefix="unstuck-optim")
        return _pools[size]


def _forget_pools() -> None:
    """The threads of a process do not exist in its forked children."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)
