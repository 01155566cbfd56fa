"""Dropouts that follow no module's mode: whether they drop values in evaluations."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from unstuck.observe.user_code.frames import user_place
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record.facts import FunctionalDropout

__all__ = ["DROPOUTS", "DropoutProbe"]

DROPOUTS: dict[Any, tuple[int, str, float, int | None, str, bool]] = {
    functional.dropout: (1, "p", 0.5, 2, "training", True),
    functional.dropout1d: (1, "p", 0.5, 2, "training", True),
    functional.dropout2d: (1, "p", 0.5, 2, "training", True),
    functional.dropout3d: (1, "p", 0.5, 2, "training", True),
    functional.alpha_dropout: (1, "p", 0.5, 2, "training", False),
    functional.feature_alpha_dropout: (1, "p", 0.5, 2, "training", False),
    torch.dropout: (1, "p", 0.5, 2, "train", True),
    functional.scaled_dot_product_attention: (4, "dropout_p", 0.0, None, "", True),
}
"""Position, name and default of the share that is dropped, and of the argument that says whether to drop."""

MOST_PLACES = 16

_Dropout = nn.modules.dropout._DropoutNd  # pyright: ignore[reportPrivateUsage]


class DropoutProbe:
    """Count, for each place of the user's code, in which mode its dropout is called and whether it drops values.

    Args:
        roots: The modules that are evaluated.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._places: dict[tuple[str | None, int | None], FunctionalDropout] = {}
        self._news = False

    def see(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        running: Sequence[nn.Module],
    ) -> None:
        """Take one call in an evaluation.

        Args:
            function: What was called; all but dropouts are passed over.
            args: Its positional arguments.
            kwargs: Its keyword arguments.
            running: The modules that are running, the outermost first.
        """
        known = DROPOUTS.get(function)
        owner = self._owner(running) if known is not None else None
        if known is None or owner is None:
            return
        position, name, default, flag_position, flag_name, flag_default = known
        share = kwargs.get(name, args[position] if len(args) > position else default)
        flag = kwargs.get(flag_name, flag_default)
        if flag_position is not None and len(args) > flag_position:
            flag = args[flag_position]
        place = user_place(2)
        if place not in self._places and len(self._places) >= MOST_PLACES:
            return
        fact = self._places.get(place) or FunctionalDropout(
            where=self._roots.path(owner) or "",
            function=getattr(function, "__name__", "dropout"),
            told=_told(*place),
            file=place[0],
            line=place[1],
        )
        self._news = True
        if not (flag and share > 0):
            self._places[place] = replace(fact, idle=fact.idle + 1)
        elif owner.training:
            self._places[place] = replace(fact, at_work_in_training=fact.at_work_in_training + 1)
        else:
            self._places[place] = replace(fact, at_work_in_evaluation=fact.at_work_in_evaluation + 1)

    def _owner(self, running: Sequence[nn.Module]) -> nn.Module | None:
        """The module whose forward pass drops values, unless it is a dropout that has a mode of its own."""
        if not running:
            return None
        inner = running[-1]
        if not type(inner).__module__.startswith("torch.nn"):
            return inner if inner in self._roots else None
        made_on_the_spot = isinstance(inner, _Dropout) and inner not in self._roots and len(running) > 1
        return running[-2] if made_on_the_spot and running[-2] in self._roots else None

    def facts(self) -> Iterator[FunctionalDropout]:
        """What each place has shown so far, if there is anything new."""
        if self._news:
            self._news = False
            yield from self._places.values()


def _told(file: str | None, line: int | None) -> bool:
    """Whether a call says True, in the line where it stands and those that its brackets go on to."""
    if file is None or line is None:
        return False
    text = ""
    for number in range(line, line + 8):
        text += linecache.getline(file, number)
        if text.count("(") <= text.count(")"):
            break
    return "True" in text
