"""The place in the user's own code from which a call came."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import torch

__all__ = ["user_place"]

_OURS = str(Path(__file__).resolve().parents[1])
_TORCH = str(Path(torch.__file__).resolve().parent)
_STDLIB = str(Path(sys.modules["os"].__file__ or "").resolve().parent)


@cache
def _is_users(file: str) -> bool:
    if file.startswith("<") and not file.startswith("<ipython"):
        return False
    path = str(Path(file).resolve())
    return not (path.startswith((_OURS, _TORCH, _STDLIB)) or "site-packages" in path or "dist-packages" in path)


def user_place(depth: int = 1) -> tuple[str | None, int | None]:
    """File and line of the innermost caller that is neither ours, nor torch's, nor an installed package's.

    Args:
        depth: Frames to skip at the top.

    Returns:
        The file and the line, from 1; ``(None, None)`` where no such caller is on the stack.
    """
    frame = sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        if _is_users(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None, None
