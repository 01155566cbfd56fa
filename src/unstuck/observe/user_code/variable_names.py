"""What an evaluation is for, as far as the names in the user's code tell."""

from __future__ import annotations

import linecache
import re
from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = ["Call", "Purpose", "calls_of", "purpose_of", "telling_call"]

Purpose = Literal["training", "validation", ""]

NAME = re.compile(r"[A-Za-z_]\w*(?!\w*\s*\()")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
KIND = "(set|dataset|loader|dataloader|data|dl|ds|iter|gen|batch|batches|split|part|x|y)?"
VALIDATION = re.compile(rf"([xy]?(val|valid|validation|va|test|te|dev|held|heldout|holdout){KIND}|[xy]v)")
TRAINING = re.compile(rf"[xy]?(train|training|tr){KIND}")


class Call(NamedTuple):
    """One of the user's calls that led somewhere.

    Attributes:
        file: Its file.
        line: Its line.
        start: Its first column; -1 where columns are not known.
        end: The column behind it; -1 where it ends on another line.
    """

    file: str
    line: int
    start: int
    end: int


@lru_cache(maxsize=256)
def calls_of(trail: str) -> tuple[Call, ...]:
    """The calls of a trail as :func:`unstuck.observe.user_code.frames.user_trail` writes it, the innermost first."""
    parts = (part.rsplit(":", 4) for part in trail.split(" < ") if part.count(":") >= 4)
    return tuple(Call(file, int(line), int(start), int(end)) for file, line, _, start, end in parts)


@lru_cache(maxsize=256)
def purpose_of(trail: str) -> Purpose:
    """The purpose that the names of variables tell, in the user's calls that led to an evaluation.

    Args:
        trail: The calls, the innermost first.

    Returns:
        training or validation, by the innermost call that names one of them and not the other; empty if none does.
    """
    call = telling_call(trail)
    return "" if call is None else _of_call(call)


def telling_call(trail: str) -> Call | None:
    """The call that tells the purpose; None where none does."""
    return next((call for call in calls_of(trail) if _of_call(call)), None)


def _of_call(call: Call) -> Purpose:
    """By the call itself; by the whole line, where this is the only call of its function there."""
    line = linecache.getline(call.file, call.line)
    if call.start < 0:
        return _of_text(line)
    text = line.encode()[call.start : call.end if call.end >= 0 else None].decode(errors="ignore")
    function = text.partition("(")[0] + "("
    return _of_text(text) or (_of_text(line) if line.count(function) == 1 else "")


def _of_text(text: str) -> Purpose:
    names = [name for name in NAME.findall(text.partition("#")[0]) if name != "dev"]  # that one is a device
    words = [word.lower() for name in names for word in WORD.findall(name)]
    validation = any(VALIDATION.fullmatch(word) for word in words)
    training = any(TRAINING.fullmatch(word) for word in words)
    if validation == training:
        return ""
    return "validation" if validation else "training"
