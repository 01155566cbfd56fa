"""The base of all facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Fact"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Base of all facts; ``kind`` is the name under which a run stores them."""

    kind: ClassVar[str]
