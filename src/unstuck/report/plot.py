"""What a plot is: plain data, ready for JSON, that the page's script draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Series, Signal, signals
from unstuck.report.decimate import decimate
from unstuck.report.wording import Words
from unstuck.rules.unseen import reason

__all__ = [
    "Block",
    "Kind",
    "Line",
    "Plot",
    "Reference",
    "block",
    "ends_note",
    "last_step",
    "missing",
    "nonfinite_note",
    "reason_missing",
]

Kind = Literal["raw", "line", "points", "stairs"]
DIGITS = 5
SHORT = 0.9
"""Share of the training that samples must reach, so that nothing need be said."""
VALUES = 24_000
"""Values of one block, over all its lines, that keep a page of seven plots well under 1.5 MB."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve.

    Attributes:
        name: Its name in the legend.
        values: Its values at the steps of its block, shape (S,); NaN leaves a gap.
        kind: raw (a pale line behind the others), line, points joined by a line, or stairs: a value holds
            until the next.
        tone: The colour: train, validation or loss; or depth, for a colour from the first layer to the last.
        depth: Where in the model it belongs, 0 to 1, with ``tone="depth"``.
        right: Whether its scale is that of the right axis.
    """

    name: str
    values: NDArray[np.float64]
    kind: Kind = "line"
    tone: Literal["train", "validation", "loss", "depth"] = "train"
    depth: float = 0.0
    right: bool = False


@dataclass(frozen=True)
class Reference:
    """A level to compare with, drawn as a dashed horizontal line."""

    name: str
    value: float


@dataclass(frozen=True)
class Block:
    """Lines that were sampled at the same steps."""

    steps: NDArray[np.int64]
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A figure of the report.

    Attributes:
        id: Its name in the page, ``"loss"``.
        name: What it shows, ``"Loss"``.
        title: What it tells of this run, ``"The loss fell from 2.3 to 0.05"``.
        read: How to read it, in one sentence.
        blocks: Its lines.
        references: Levels to compare with.
        log: Whether its vertical axis is logarithmic: always, never, or as the reader chooses.
        shares: Whether its values are shares, shown as percentages from 0 to 1.
        notes: What a reader must know of what is not drawn.
        missing: Why there is nothing to draw; empty where there is.
    """

    id: str
    name: str
    title: str
    read: str
    blocks: tuple[Block, ...] = ()
    references: tuple[Reference, ...] = ()
    log: Literal["always", "never", "choose"] = "never"
    shares: bool = False
    notes: tuple[str, ...] = ()
    missing: str = ""

    def data(self) -> dict[str, Any]:
        """What the script needs, with values rounded to five digits and None for what is not finite.

        Levels that are not finite are left out.
        """
        return {
            "log": self.log,
            "shares": self.shares,
            "blocks": [
                {
                    "x": block.steps.tolist(),
                    "lines": [
                        {
                            "name": line.name,
                            "kind": line.kind,
                            "tone": line.tone,
                            "depth": round(line.depth, 3),
                            "right": line.right,
                            "y": _rounded(line.values),
                        }
                        for line in block.lines
                    ],
                }
                for block in self.blocks
            ],
            "references": [
                {"name": level.name, "value": level.value} for level in self.references if math.isfinite(level.value)
            ],
        }


def missing(identity: str, reason: str, words: Words) -> Plot:
    """A plot that cannot be drawn, with the reason."""
    name = words.say(f"{identity}.name")
    return Plot(id=identity, name=name, title=name, read=words.say(f"{identity}.read"), missing=reason)


def block(steps: NDArray[np.int64], lines: Sequence[Line], rows: int) -> Block:
    """Lines over common steps, thinned without losing a peak to about ``rows`` steps, or fewer where lines are many."""
    kept = decimate(np.column_stack([line.values for line in lines]), min(rows, VALUES // len(lines)))
    thinned = (
        Line(
            name=line.name,
            values=line.values[kept],
            kind=line.kind,
            tone=line.tone,
            depth=line.depth,
            right=line.right,
        )
        for line in lines
    )
    return Block(steps[kept], tuple(thinned))


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    """Values in five digits; None for those that are not finite, which JSON cannot say."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values.tolist()]


def nonfinite_note(series: Iterable[Series], words: Words) -> tuple[str, ...]:
    """A note on samples that are NaN or infinite; nothing where all are finite."""
    notes: list[str] = []
    for one in series:
        bad = ~np.isfinite(one.values)
        if bad.any():
            first = int(one.steps[bad.argmax()])
            count, total = f"{bad.sum():,}", f"{len(one):,}"
            notes.append(words.say("page.nonfinite", count=count, total=total, step=f"{first:,}"))
    return tuple(notes)


def reason_missing(run: Run, signal: Signal, recorded: bool, words: Words) -> str:
    """Why a signal cannot be drawn: it was not recorded, or none of its values is finite."""
    return words.say("page.empty") if recorded else reason(run, signal)


def last_step(run: Run) -> int:
    """The last training step whose loss is known; 0 where none is."""
    steps = run.series(signals.LOSS).steps
    return int(steps[-1]) if len(steps) else 0


def ends_note(run: Run, steps: NDArray[np.int64], words: Words) -> tuple[str, ...]:
    """A note where samples end long before the training does."""
    last = last_step(run)
    if not len(steps) or steps[-1] >= SHORT * last:
        return ()
    return (words.say("page.until", step=f"{int(steps[-1]):,}", last=f"{last:,}"),)
