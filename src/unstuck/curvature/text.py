"""The answer in words and numbers, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from unstuck.curvature.critical import Kind
from unstuck.curvature.recorded import Recorded
from unstuck.curvature.result import Curvature

__all__ = ["CurvatureText", "RecordedText", "answer"]

HEADLINES: dict[Kind, str] = {
    "no critical point": "No critical point: the loss still has a slope here.",
    "local minimum": "A local minimum: the gradient is zero within its noise, and the loss rises on every side.",
    "saddle point": "A saddle point: the gradient is zero within its noise, and the loss falls to two sides.",
    "local maximum": "A local maximum: the gradient is zero within its noise, and the loss rises nowhere.",
    "plateau": "A plateau: there is no slope and no curvature at all, so that no step of any method leads away.",
    "flat": "A critical point with flat directions: second derivatives do not tell whether the loss falls there.",
}
ADVICE: dict[Kind, str] = {
    "no critical point": "If the loss stands still all the same, steps are too long, too short, or too noisy: look at "
    "the rate below, and at larger batches.",
    "local minimum": "If the loss is too high here, start elsewhere, or give the model more weights.",
    "saddle point": "Momentum and the noise of batches lead away from it; a larger rate does so sooner.",
    "local maximum": "Any small change of the weights leads away.",
    "plateau": "Start elsewhere: draw the weights at random, and look for masks, clamps and dead units.",
    "flat": "Where the trial falls, there is a way out further off; else a minimum, or a plateau in some directions.",
}


def answer(found: Curvature) -> tuple[str, ...]:
    """The kind of point, with the numbers that decided on it, a sentence each."""
    return (HEADLINES[found.kind], _slope(found), _bottom(found), _trial(found), ADVICE[found.kind])


def _slope(found: Curvature) -> str:
    slope = found.point.slope
    norm = f"gradient norm {slope.norm:.3g}"
    if found.point.nothing:
        return f"{norm}: next to nothing at a loss of {found.point.loss:.4g}"
    if slope.noise is None or slope.ratio is None:
        return f"{norm}; its noise is not known, for there is one batch that cannot be taken apart"
    verdict = f"more than {slope.limit:.2g}: a slope" if found.point.steep else f"up to {slope.limit:.2g}: noise"
    return f"{norm}, {slope.ratio:.3g} times its noise over {slope.batches} batches ({slope.noise:.2g}); {verdict}"


def _bottom(found: Curvature) -> str:
    smallest, largest = found.smallest[0], found.largest[0]
    return (
        f"smallest eigenvalue {_value(smallest.value)}, residual {smallest.residual:.1g} (below zero for certain from "
        f"{-found.point.uncertainty:.1g} on); largest {_value(largest.value)}"
    )


def _trial(found: Curvature) -> str:
    trial = found.escape
    length, loss = trial.lowest
    steep = found.kind == "no critical point"
    way = "tried, down the gradient" if steep else "tried, along the eigenvector of the smallest"
    if trial.direction:
        way += f" ({', '.join(f'{entry:.3g}' for entry in trial.direction)})"
    elif trial.moved:
        way += f" ({', '.join(f'{name} {share:.0%}' for name, share in trial.moved)} of its square)"
    if length == 0.0:
        return f"{way}: the loss falls to no side"
    return f"{way}: the loss falls from {trial.loss:.4g} to {loss:.4g} at a distance of {abs(length):.2g}"


def _value(value: float) -> str:
    return f"{value:.4g}"


class CurvatureText:
    """A measurement as rich prints it.

    Args:
        found: What was measured.
    """

    def __init__(self, found: Curvature) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The answer, the spectrum, the rate, the blocks."""
        found = self._found
        first, *rest = answer(found)
        yield Text(first, style="bold")
        yield from (Text(f"  {line}") for line in rest)
        yield Text()
        yield from self._spectrum()
        yield from self._rate()
        if found.blocks:
            yield Text()
            yield self._blocks()
        yield Text()
        size = f"loss {found.point.loss:.4g} over {found.batches} batches, {found.parameters:,} weights"
        yield Text(f"{size}; {found.products:,} Hessian products in {found.seconds:.1f} s")
        yield from (Text(f"note: {note}") for note in found.notes)

    def _spectrum(self) -> Iterator[Text]:
        found = self._found
        for name, pairs in (("largest", found.largest), ("smallest", found.smallest)):
            listed = ", ".join(f"{_value(pair.value)} ± {pair.residual:.1g}" for pair in pairs)
            yield Text(f"{name + ' eigenvalues':<22}{listed}")
        error = f" ± {found.trace.error:.2g}" if found.trace.error else ""
        yield Text(f"{'trace':<22}{found.trace.value:.4g}{error}")
        yield Text(f"{'spectrum':<22}{self._shares()}")

    def _shares(self) -> str:
        found = self._found
        edge = found.point.uncertainty
        top = found.largest[0].value
        within = found.density.share(-edge, max(1e-3 * top, edge))
        large = found.density.share(max(0.1 * top, edge))
        return (
            f"{found.negative:.1%} of the eigenvalues below zero, {within:.1%} between zero and a thousandth of the "
            f"largest, {large:.2%} above a tenth of it"
        )

    def _rate(self) -> Iterator[Text]:
        rate = self._found.rate
        if math.isinf(rate.largest):
            yield Text(f"{'largest stable rate':<22}none: no curvature is positive")
            return
        line = f"{rate.largest:.3g}"
        if rate.use is None:
            line += " for plain descent (2 / largest eigenvalue)"
        elif not rate.use.plain:
            line += (
                f" for plain descent; it is no bound on {rate.use.method}, which scales each weight by itself "
                f"(rate in use: {rate.use.rate:.3g})"
            )
        else:
            line += f" for {rate.use.method} with momentum {rate.use.momentum:g}; in use: {rate.use.rate:.3g}"
        yield Text(f"{'largest stable rate':<22}{line}")
        if rate.warning:
            yield Text(f"warning: {rate.warning}", style="yellow")

    def _blocks(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("block", overflow="fold")
        for name in ("weights", "largest", "residual", "smallest", "residual"):
            table.add_column(name, justify="right")
        for block in self._found.blocks:
            table.add_row(
                Text(block.name),
                f"{block.parameters:,}",
                _value(block.largest.value),
                f"{block.largest.residual:.1g}",
                _value(block.smallest.value),
                f"{block.smallest.residual:.1g}",
            )
        return table


class RecordedText:
    """What a record says, as rich prints it.

    Args:
        known: What it says.
        whole: Whether there is nothing else to rest on, so that what is missing is said too.
    """

    def __init__(self, known: Recorded, *, whole: bool) -> None:
        self._known, self._whole = known, whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The conclusion where nothing better is known, the numbers, what is missing."""
        known = self._known
        if self._whole:
            yield Text(known.conclusion, style="bold")
        yield Text("From the record:")
        yield from (Text(f"  {line}") for line in known.known)
        if self._whole:
            yield from (Text(f"Not known: {line}") for line in known.unknown)
