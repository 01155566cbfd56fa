"""How many threads a training computes with."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import torch

__all__ = ["threads"]


@contextmanager
def threads(number: int | Literal["auto"]) -> Generator[None]:
    """Compute with as many threads as a recipe says, for a while.

    Examples:
        >>> before = torch.get_num_threads()
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
        >>> torch.get_num_threads() == before
        True
    """
    before = torch.get_num_threads()
    if number != "auto":
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
