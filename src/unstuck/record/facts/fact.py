"""The base of all facts, and the list of their kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from unstuck.errors import ArgumentError

__all__ = ["KINDS", "Fact", "FactT"]

KINDS: dict[str, type[Fact]] = {}
"""Every fact class by its kind; a class adds itself when it is defined."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Base of all facts.

    Attributes:
        kind: The name under which a run stores them: each class has one of its own.
        missing: What it means that a run has none.
        special: Whether only programs of some kind have any, so that none says nothing of how much was seen.

    Raises:
        ArgumentError: A subclass names no kind, or that of another class.

    Examples:
        >>> from unstuck.record import facts
        >>> facts.KINDS["loss"] is facts.Loss
        True
    """

    kind: ClassVar[str]
    missing: ClassVar[str] = "nothing was recorded of it"
    special: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        name = f"{cls.__module__}.{cls.__qualname__}"
        kind = cls.__dict__.get("kind")
        if not isinstance(kind, str) or not kind:
            raise ArgumentError(f"{name}: kind={kind!r}; give each fact class a name of its own, kind = 'my_fact'")
        if kind in KINDS:
            other = KINDS[kind]
            raise ArgumentError(
                f"{name}: kind={kind!r} is that of {other.__module__}.{other.__qualname__}, and a run could not tell "
                "them apart; choose another name"
            )
        KINDS[kind] = cls


FactT = TypeVar("FactT", bound=Fact)
