"""What becomes of layers that run and get no gradient: cut off by a function, or used by nobody."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.followed import Followed
from unstuck.observe.collectors.inputs import tensors_of
from unstuck.observe.collectors.uncalled_modules import called_by_user
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["LostBranches"]

MOST_LOOKS = 2
"""Steps in which such layers are followed."""

Place = tuple[str | None, int | None]


@dataclass
class _Branch:
    """What is known of the results of one layer."""

    place: Place = (None, None)
    given_to: str = ""
    returned: bool = False
    cut_by: str = ""
    cut_at: Place = (None, None)


class LostBranches:
    """Follow the results of layers that a loss does not reach, in the step after that was seen.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._looks = 0
        self._lost: dict[int, str] = {}
        self._followed = Followed()
        self._branches: dict[Hashable, _Branch] = {}

    def backward(self, graph: GraphWalk) -> None:
        """Look which layers have run that a loss does not reach."""
        view = self._view
        if self._looks >= MOST_LOOKS or not graph.complete or graph.custom or not graph.leaves & view.roots.held:
            return
        lost = {
            id(parameter): name.rpartition(".")[0]
            for name, parameter in view.named.items()
            if parameter.requires_grad and id(parameter) not in graph.leaves and view.ran.get(name.rpartition(".")[0])
        }
        if lost and not self._lost and self not in view.due:
            self._looks += 1
            self._lost = lost
            view.due.append(self)

    def followed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A function was called, whichever."""
        view, known = self._view, self._followed
        within = view.learning and view.module is not None
        new = {self._lost[id(one)] for one in tensors_of((args, kwargs)) if id(one) in self._lost} if within else ()
        left = len(known.left)
        marks = known.call(function, args, kwargs, output, new)
        made = [tensor for tensor in tensors_of(output) if tensor.numel()]
        read = len(known.left) > left
        if not marks or not (made or read):
            return  # or its shape was asked for
        view.owe(self, self._conclude)
        passes_on = not read and any(tensor.requires_grad for tensor in made)
        cut_by = "" if passes_on else _name(function, learning=view.learning)
        place = user_place(2)
        for mark in marks:
            branch = self._branches.setdefault(mark, _Branch())
            branch.place, branch.given_to = place, ""
            if cut_by and not branch.cut_by:
                branch.cut_by, branch.cut_at = cut_by, place

    def given(self, inputs: tuple[Any, ...]) -> None:
        """A module is about to run."""
        for mark in self._followed.of(inputs):
            self._branches.setdefault(mark, _Branch()).given_to = self._view.where

    def returned(self, output: Any) -> None:
        """The model has returned something."""
        for mark in self._followed.of(output):
            self._branches.setdefault(mark, _Branch()).returned = True

    def _conclude(self, optimizer: object) -> None:
        whole, roots = not self._followed.full, self._view.roots
        paths = {path: module for module in roots.modules() if (path := roots.path(module)) is not None}
        for mark, branch in self._branches.items():
            if whole or branch.cut_by:
                file, line = branch.cut_at if branch.cut_by else branch.place
                self._view.notice(
                    facts.LostBranch(
                        cut_by=branch.cut_by,
                        returned=branch.returned,
                        given_to=branch.given_to,
                        part=called_by_user(paths, str(mark)),
                        where=str(mark),
                        file=file,
                        line=line,
                    )
                )
        self.release()

    def release(self) -> None:
        """Let go of what is the program's."""
        self._lost, self._branches, self._followed = {}, {}, Followed()


def _name(function: Any, *, learning: bool) -> str:
    """What the user calls a function that cuts a graph."""
    name = str(getattr(function, "__name__", ""))
    name = "data" if name == "__get__" else name
    return name if learning else f"{name} under no_grad"
