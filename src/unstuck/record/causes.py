"""The vocabulary of root causes, read from ``causes.toml`` beside this file.

Examples:
    >>> from unstuck.record.causes import CAUSES
    >>> CAUSES["lr-too-low"].family
    'optimisation'
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["CAUSES", "Cause"]


@dataclass(frozen=True)
class Cause:
    """A root cause: why a training run does not learn as it should.

    Attributes:
        slug: Its name in findings, ``"lr-too-high"``.
        family: The part of the craft that it belongs to, ``"optimisation"``.
        meaning: The cause in words.
    """

    slug: str
    family: str
    meaning: str


def _load() -> Mapping[str, Cause]:
    families = tomllib.loads(files("unstuck.record").joinpath("causes.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {slug: Cause(slug, family, meaning) for family, causes in families.items() for slug, meaning in causes.items()}
    )


CAUSES: Mapping[str, Cause] = _load()
"""Every root cause by its slug."""
