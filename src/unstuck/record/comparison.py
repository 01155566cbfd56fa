"""What trainings that differ in one thing came to: plain data, for a page."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Chart", "Comparison", "Strand"]


@dataclass(frozen=True, kw_only=True)
class Strand:
    """A line of a chart.

    Attributes:
        name: The training.
        x: Positions.
        y: Values; what is not finite is left out.
        reference: Whether the others are compared with it, so that it must be seen among them.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    reference: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines over one another.

    Attributes:
        title: What they show.
        across: What is on the horizontal axis.
        up: What is on the vertical axis.
        strands: The lines, in the order of the trainings.
        log: Whether the vertical axis is logarithmic.
        counted: Whether what is on the horizontal axis is counted, so that only whole numbers are marked.
        log_across: Whether the horizontal axis is.
        level: A value to compare with; None where there is none.
        level_name: What it is.
        top: The largest value that is drawn, so that one curve that explodes does not press the others together; None
            draws all.
        mark: A position on the horizontal axis that is marked; None where none is.
        band: A stretch of it that is marked; None likewise.
    """

    title: str
    across: str
    up: str
    strands: tuple[Strand, ...]
    log: bool = False
    counted: bool = True
    log_across: bool = False
    level: float | None = None
    level_name: str = ""
    top: float | None = None
    mark: float | None = None
    band: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Trainings side by side.

    Attributes:
        title: What is compared.
        columns: Names of the figures.
        rows: The figures of each training, as they are to be read; the first is its name.
        charts: Their curves.
        kind: What kind of page it is, above the title.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    charts: tuple[Chart, ...]
    kind: str = "trainings compared"
