"""Gradients of exactly zero, by parameter, though the loss depends on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unstuck.record import Run, signals
from unstuck.record.facts import Graph, Model

__all__ = ["ZeroGradients"]


@dataclass(frozen=True)
class ZeroGradients:
    """Which trainable parameters have a gradient that is exactly zero, although the graph of the loss leads to them.

    A parameter that the loss does not reach has no gradient at all, and is not among them.

    Attributes:
        always: Those whose gradient was zero at every sampled step.
        at_the_end: Those whose gradient is zero from :attr:`since` on.
        since: Step of the first sample from which on all gradients are zero; None if at least one is not, at the end.
        samples: Samples that :attr:`since` rests on.
        share: Share of the reached weights' values that :attr:`always` has.
        steps: First and last sampled step.
    """

    always: tuple[str, ...]
    at_the_end: tuple[str, ...]
    since: int | None
    samples: int
    share: float
    steps: tuple[int, int]

    @classmethod
    def of(cls, run: Run) -> ZeroGradients | None:
        """The zero gradients of a run; None where no gradient was sampled."""
        return run.once(cls, lambda: cls._of(run))

    @classmethod
    def _of(cls, run: Run) -> ZeroGradients | None:
        table = run.table(signals.GRADIENT_NORM)
        known = np.isfinite(table.values)
        if not len(table) or not known.any():
            return None
        reached = {name for graph in run.facts(Graph) for name in graph.reached}
        counts = [bool(known[:, i].any()) and (not reached or name in reached) for i, name in enumerate(table.names)]
        columns = np.flatnonzero(counts)
        zero = np.where(known, table.values == 0.0, True)[:, columns]
        nothing = np.asarray(zero.all(axis=1) & known[:, columns].any(axis=1))
        tail = len(nothing) if nothing.all() else int(np.argmin(nothing[::-1]))
        first = len(nothing) - tail
        names = np.array(table.names)[columns]
        always = tuple(str(name) for name in names[zero.all(axis=0)])
        return cls(
            always=always,
            at_the_end=tuple(map(str, names)) if tail else (),
            since=int(table.steps[first]) if tail else None,
            samples=tail,
            share=_values(run, always) / max(1, _values(run, tuple(map(str, names)))),
            steps=(int(table.steps[0]), int(table.steps[-1])),
        )

    @property
    def whole(self) -> bool:
        """Whether no parameter ever had a gradient but zero."""
        return self.since is not None and self.since == self.steps[0]


def _values(run: Run, names: tuple[str, ...]) -> int:
    model = run.fact(Model)
    shapes = {parameter.name: parameter.shape for parameter in model.parameters} if model else {}
    return sum(math.prod(shapes.get(name, (1,))) for name in names)
