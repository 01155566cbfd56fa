"""Answers about trials, which are asked for many times while others run: each is worked out once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from unstuck.confirm.trial import ENDED, Trial

__all__ = ["remembered"]

Answer = TypeVar("Answer")

ASKED = 8
"""Sets of trials whose answers are kept."""


def remembered(answer: Callable[[Sequence[Trial]], Answer]) -> Callable[[Sequence[Trial]], Answer]:
    """Keep what a function of trials gives; a trial that was made again is another one.

    Args:
        answer: A function that reads the trials' runs, which do not change once they have ended.

    Examples:
        >>> count = remembered(len)
        >>> count([])
        0
    """

    @functools.lru_cache(ASKED)
    def kept(asked: _Asked) -> Answer:
        return answer(asked.trials)

    @functools.wraps(answer)
    def asked(trials: Sequence[Trial]) -> Answer:
        return kept(_Asked(tuple(map(_stamp, trials)), tuple(trials)))

    return asked


@dataclass(frozen=True)
class _Asked:
    stamps: tuple[tuple[str, int], ...]
    trials: tuple[Trial, ...] = field(compare=False)


def _stamp(trial: Trial) -> tuple[str, int]:
    """What a trial is known by: its folder, and when it ended."""
    try:
        return str(trial.folder.absolute()), (trial.folder / ENDED).stat().st_mtime_ns
    except OSError:
        return str(trial.folder.absolute()), 0
