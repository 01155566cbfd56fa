"""What a key is to be swept over, as it is written: ``1e-4..1``, ``0, 1e-4..1e-1``, ``0.5, 0.9``, ``[64], [32]``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from unstuck.errors import ArgumentError
from unstuck.sweep.axis import Axis, Range, Value
from unstuck.train.toml import value_of

__all__ = ["read_axis"]

DECADE = 10.0
"""Ratio of the ends from which a range of positive numbers is gone through in logarithms."""

BOUNDS = re.compile(r"\s*(\S*?)\s*\.\.\s*(\S*?)\s*$")

EXAMPLE = "give a range such as 1e-4..1, values such as 0.5, 0.9, or both: 0, 1e-4..1e-1"


def read_axis(key: str, given: Any) -> Axis:
    """Read what a key is to be swept over.

    Args:
        key: The key of the recipe, ``"optimizer.lr"``.
        given: Text with values and at most one range between commas, or a list of values. A range of positive numbers
            whose ends lie a decade apart or more is gone through in logarithms, one whose ends are whole numbers in
            whole numbers.

    Raises:
        ArgumentError: The range is empty or reversed, or there is one point only.

    Examples:
        >>> read_axis("optimizer.weight_decay", "0, 1e-4..1e-1")
        Axis(key='optimizer.weight_decay', values=(0,), range=Range(low=0.0001, high=0.1, log=True, whole=False))
        >>> read_axis("optimizer.lr", "1..1e-4")
        Traceback (most recent call last):
            ...
        unstuck.errors.ArgumentError: optimizer.lr=1..1e-4: the range is reversed; give 1e-4..1
    """
    if not isinstance(given, str):
        parts: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
        return _checked(Axis(key=key, values=tuple(_distinct(parts))), given)
    values: list[Value] = []
    found: Range | None = None
    for part in _parts(given):
        bounds = BOUNDS.match(part)
        if bounds is None or part.startswith(("[", "{", '"', "'")):
            values.append(value_of(part))
        elif found is not None:
            raise ArgumentError(f"{key}={given}: two ranges; give one, and single values beside it")
        else:
            found = _range(key, given, *bounds.groups())
    return _checked(Axis(key=key, values=tuple(_distinct(values)), range=found), given)


def _checked(axis: Axis, given: Any) -> Axis:
    if not axis.values and axis.range is None:
        raise ArgumentError(f"{axis.key}={given}: empty; {EXAMPLE}")
    if axis.range is None and len(axis.values) == 1:
        raise ArgumentError(
            f"{axis.key}={given}: one point leaves nothing to choose; {EXAMPLE}, or set it: "
            f"--set {axis.key}={given if isinstance(given, str) else axis.values[0]}"
        )
    return axis


def _range(key: str, given: str, first: str, last: str) -> Range:
    try:
        low, high = float(first), float(last)
    except ValueError:
        raise ArgumentError(f"{key}={given}: the range needs a number at each end; {EXAMPLE}") from None
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ArgumentError(f"{key}={given}: the ends of a range are finite numbers; {EXAMPLE}")
    if low > high:
        raise ArgumentError(f"{key}={given}: the range is reversed; give {last}..{first}")
    if low == high:
        raise ArgumentError(f"{key}={given}: the range is one point; {EXAMPLE}, or set it: --set {key}={first}")
    whole = all(re.fullmatch(r"[+-]?\d+", text) for text in (first, last))
    return Range(low=low, high=high, log=low > 0 and high / low >= DECADE, whole=whole)


def _parts(text: str) -> Iterator[str]:
    """What stands between commas that are in no bracket and no quotes."""
    depth, quote, begin = 0, "", 0
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
        elif letter == "," and not depth:
            yield from filter(None, [text[begin:place].strip()])
            begin = place + 1
    yield from filter(None, [text[begin:].strip()])


def _distinct(values: list[Any]) -> Iterator[Value]:
    for place, value in enumerate(values):
        if value not in values[:place]:
            yield value
