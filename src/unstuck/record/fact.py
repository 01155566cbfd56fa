"""The base of all facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Fact"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Base of all facts.

    Attributes:
        kind: The name under which a run stores them.
        missing: What it means that a run has none.
    """

    kind: ClassVar[str]
    missing: ClassVar[str] = "nothing was recorded of it"
