"""One change to a training, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from unstuck.errors import ArgumentError

__all__ = ["Change", "Setting"]

Setting = float | int | str | bool


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be changed, and how: it is planned in one process and made in another.

    Attributes:
        remedy: The remedy's name, a key of :data:`unstuck.remedies.CATALOGUE`.
        settings: Its settings by name; a copy that cannot be changed.

    Raises:
        ArgumentError: A setting is no number, string or truth value.

    Examples:
        >>> lower = Change(remedy="learning-rate", settings={"factor": 0.1})
        >>> lower.to_json()
        '{"remedy": "learning-rate", "settings": {"factor": 0.1}}'
        >>> Change.from_json(lower.to_json()) == lower
        True
        >>> {lower: 0.7}[Change(remedy="learning-rate", settings={"factor": 0.1})]
        0.7
    """

    remedy: str
    settings: Mapping[str, Setting] = field(default_factory=dict[str, Setting])

    def __post_init__(self) -> None:
        given: dict[str, object] = dict(self.settings)
        for name, value in given.items():
            if not isinstance(value, float | int | str):
                raise ArgumentError(
                    f"settings[{name!r}]={value!r}; give a number, a string, True or False, as JSON can hold them"
                )
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __hash__(self) -> int:
        return hash((self.remedy, frozenset(self.settings.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.remedy, dict(self.settings))

    def to_json(self) -> str:
        """The change as one line of JSON."""
        return json.dumps({"remedy": self.remedy, "settings": dict(self.settings)})

    @classmethod
    def from_json(cls, text: str) -> Change:
        """The change that :meth:`to_json` wrote.

        Raises:
            ArgumentError: The text is no JSON, or no change.
        """
        try:
            read: Any = json.loads(text)
            return cls(remedy=str(read["remedy"]), settings=dict(read["settings"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ArgumentError(f"change={text!r} is not what Change.to_json() writes: {error}") from error

    def number(self, name: str) -> float | None:
        """A setting that is a number; None where it was not given."""
        value = self.settings.get(name)
        return None if value is None or isinstance(value, str) else float(value)


def _rebuilt(remedy: str, settings: dict[str, Setting]) -> Change:
    return Change(remedy=remedy, settings=settings)
