"""Writing forbidden by the kernel itself, for this process and those that it starts (``landlock(7)``, Linux 5.19).

It needs no rights, and cannot be undone. Whoever writes elsewhere, in whatever language, gets "permission denied".
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence

__all__ = ["forbid_writes"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_RIGHTS = 38

_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_ENTRIES = 0b11_1111_1111_0000
"""The rights to remove (bits 4 and 5), to make (6 to 12) and to move elsewhere (13) what a folder holds."""

MOVES, TRUNCATES = 2, 3
"""Versions of Landlock from which moves between folders can be allowed, and truncation be forbidden."""


class _Rule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # the only one for packed structures; it must be named from Python 3.14 on
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def forbid_writes(*, but_below: Sequence[str]) -> bool:
    """Forbid this process, which must have one thread, to write to any file by its path.

    Args:
        but_below: Folders in which it may.

    Returns:
        Whether this kernel can.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), 1)
    if version < MOVES:
        return False
    rights = _WRITE_FILE | _ENTRIES | (_TRUNCATE if version >= TRUNCATES else 0)
    handled = ctypes.c_uint64(rights)
    rules = libc.syscall(_CREATE, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), 0)
    if rules < 0:
        return False
    for path in filter(os.path.isdir, but_below):
        folder = os.open(path, os.O_PATH)
        libc.syscall(_ADD, rules, 1, ctypes.byref(_Rule(rights, folder)), 0)
        os.close(folder)
    forbidden = libc.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0) == 0 and libc.syscall(_RESTRICT, rules, 0) == 0
    os.close(rules)
    return forbidden
