"""Checkpoints with ``use_reentrant=True``: which parameters they leave without a gradient, and what runs inside."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointFunction

from unstuck.gradcheck.analytic import Gradients, gradients_of
from unstuck.gradcheck.problem import Problem

__all__ = ["as_trained", "opened"]

_opening = threading.Lock()


@contextmanager
def opened() -> Generator[None]:
    """Run the checkpoints of this thread as plain calls: one graph, in which all functions are seen."""
    here, closed = threading.get_ident(), CheckpointFunction.apply

    def plain(run: Any, preserve: Any, *arguments: Any) -> Any:
        return run(*arguments) if threading.get_ident() == here else closed(run, preserve, *arguments)

    with _opening:
        CheckpointFunction.apply = staticmethod(plain)
        try:
            yield
        finally:
            del CheckpointFunction.apply


def as_trained(problem: Problem, found: Gradients) -> Gradients:
    """The gradients of a training on this batch, where they differ: inputs that the check moves need none there.

    A reentrant checkpoint whose arguments need no gradient gives none to the parameters inside.
    """
    if not found.reentrant:
        return found
    given = gradients_of(problem, [name for name in problem.tensors if not problem.is_input(name)])
    with opened():
        whole = gradients_of(problem, list(problem.tensors))
    cut = tuple(name for name in given.unreached if name not in whole.unreached)
    zeros = {name: torch.zeros_like(problem.tensors[name]) for name in cut}
    return replace(
        found,
        by_name={**found.by_name, **zeros},
        unreached=tuple(dict.fromkeys((*found.unreached, *cut))),
        functions=whole.functions,
        cut=cut,
    )
