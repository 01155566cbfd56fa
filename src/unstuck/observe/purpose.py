"""What an evaluation is for, as far as the names in the user's code tell."""

from __future__ import annotations

import linecache
import re
from functools import lru_cache
from typing import Literal

__all__ = ["Purpose", "purpose_of", "split_place", "telling_line"]

Purpose = Literal["training", "validation", ""]

NAME = re.compile(r"[A-Za-z_]\w*(?!\w*\s*\()")
VALIDATION = re.compile(
    r"^(val|valid|test|dev|held|holdout)|_(val|valid|validation|test|dev|te|va|held)\w*$|^[xy](v|va|te)$"
)
TRAINING = re.compile(r"^train|_(train|tr)\w*$|^[xy]tr$")


@lru_cache(maxsize=256)
def purpose_of(trail: str) -> Purpose:
    """The purpose that the names of variables tell, in the user's calls that led to an evaluation.

    Args:
        trail: Calls as ``file:line:instruction``, joined by `` < ``, the innermost first.

    Returns:
        training or validation, by the innermost line that names one of them and not the other; empty if none does.
    """
    line = telling_line(trail)
    return "" if line is None else _of_line(*line)


def telling_line(trail: str) -> tuple[str, int] | None:
    """File and number of the line that tells the purpose; None where none does."""
    for part in trail.split(" < "):
        file, number = split_place(part)
        if file and _of_line(file, number):
            return file, number
    return None


def split_place(part: str) -> tuple[str, int]:
    """File and line of one call of a trail; an empty file where it has another form."""
    file, line, instruction = (*part.rsplit(":", 2), "", "")[:3]
    return (file, int(line)) if line.isdigit() and instruction.isdigit() else ("", 0)


def _of_line(file: str, number: int) -> Purpose:
    names = [name.lower() for name in NAME.findall(linecache.getline(file, number).partition("#")[0])]
    validation = any(VALIDATION.search(name) for name in names)
    training = any(TRAINING.search(name) for name in names)
    if validation == training:
        return ""
    return "validation" if validation else "training"
