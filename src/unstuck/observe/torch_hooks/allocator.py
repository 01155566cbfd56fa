"""Let the program's allocator keep the memory that one training step frees, for the next step to use."""

from __future__ import annotations

import ctypes
import os

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``, from its ``malloc.h``."""

KEPT_BYTES = 256 * 2**20
"""Free memory at the end of the heap, beyond which the allocator still hands it back."""

LARGEST_BYTES = 32 * 2**20
"""Blocks up to this size come from the heap; to it glibc raises this bound by itself as a program frees such blocks."""


def keep_freed_memory() -> bool:
    """Ask glibc's ``malloc`` not to hand back the end of the heap between training steps.

    A step on the CPU frees all its activations at once. Whether they lie at the end of the heap, from where ``malloc``
    hands memory back to the system, depends on which small blocks happen to lie behind them, and with it thousands of
    page faults a step, which may take a tenth of the time. What an observer allocates changes that luck, for the worse
    as often as for the better. What the program holds at most, it held before.

    Returns:
        Whether it was asked; not under another C library, nor where the user has chosen by ``MALLOC_*_`` or
        ``GLIBC_TUNABLES``.

    Examples:
        >>> keep_freed_memory() in (True, False)
        True
    """
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        return False
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return bool(library.mallopt(MMAP_THRESHOLD, LARGEST_BYTES)) and bool(library.mallopt(TRIM_THRESHOLD, KEPT_BYTES))
