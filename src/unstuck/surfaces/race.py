"""A race: several methods from one start on one surface, every step kept."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ArgumentError
from unstuck.surfaces.entry import Entry
from unstuck.surfaces.kernel import compile_loop, compile_surface
from unstuck.surfaces.surface import Surface

__all__ = ["LONGEST", "Track", "race", "race_command"]

Floats = NDArray[np.float64]
LONGEST = 1_000_000  #: steps of a race, at most: memory for six methods is then about 0.5 GB
RATES = tuple(10.0 ** (k / 3) for k in range(-24, 7))
"""Rates that are tried where none is given: three a decade from 1e-8 to 100."""
TRIED = 1_000  #: steps of a trial, at most


@dataclass(frozen=True, kw_only=True)
class Track:
    """The way of one method.

    Attributes:
        entry: The method.
        surface: Where it ran.
        found: Whether its rate was found by trying.
        last: The last step of which everything is finite; less than the steps asked for where it diverged.
        points: x and y before each step and after the last, shape (steps + 1, 2); NaN beyond the end.
        losses: The loss there, shape (steps + 1,).
        gradients: The gradient that the method got there, noise included, shape (steps + 1, 2).
        states: The method's inner state by name, each of shape (steps + 1, 2), before each step.
        numbers: The constants of the rule at each step by name, such as the scheduled rate.
    """

    entry: Entry
    surface: Surface
    found: bool
    last: int
    points: Floats
    losses: Floats
    gradients: Floats
    states: dict[str, Floats]
    numbers: dict[str, Floats]

    @property
    def steps(self) -> int:
        """How many steps were asked for."""
        return len(self.losses) - 1

    @property
    def diverged(self) -> bool:
        """Whether loss, gradient or point became infinite or NaN on the way."""
        return self.last < self.steps or not np.isfinite(self.losses[self.last])

    @cached_property
    def moves(self) -> Floats:
        """What each step changed, shape (steps + 1, 2); NaN at the last point."""
        moves = np.full_like(self.points, np.nan)
        moves[:-1] = np.diff(self.points, axis=0)
        return moves

    @property
    def lengths(self) -> Floats:
        """The length of each step, shape (steps + 1,)."""
        return np.hypot(*self.moves.T)

    @property
    def gradient_norms(self) -> Floats:
        """The norm of the gradient, shape (steps + 1,)."""
        return np.hypot(*self.gradients.T)

    @property
    def effective_rates(self) -> Floats:
        """By what each derivative was multiplied to give the step, its absolute value, shape (steps + 1, 2)."""
        with np.errstate(all="ignore"):
            return np.abs(self.moves / self.gradients)


def race(surface: Surface, entries: Sequence[Entry], *, steps: int, seed: int = 0) -> list[Track]:
    """Run every method from the surface's start, by the update rules of ``unstuck.optim``, compiled where they can be.

    An entry without a rate gets the one, of three a decade, whose loss is lowest in the end.

    Args:
        surface: The loss.
        entries: The methods.
        steps: How many steps each takes, from 1 to a million.
        seed: Of the noise; all methods get the same, each in its own size.

    Raises:
        ArgumentError: There is no entry, the number of steps is out of range, or a constant is not accepted.

    Example:
        >>> from unstuck.surfaces import SURFACES
        >>> (track,) = race(SURFACES["bowl"], [Entry.parse("sgd lr=0.09")], steps=100)
        >>> round(float(track.losses[-1]), 9)
        0.0
    """
    if not entries:
        raise ArgumentError("no method is given; name at least one, as in --method 'adam lr=0.1'")
    if not 1 <= steps <= LONGEST:
        raise ArgumentError(f"steps={steps!r}: 1 to {LONGEST:,} are accepted")
    shocks = np.random.default_rng(seed).standard_normal((steps + 1, 2)) if any(e.noise for e in entries) else None
    tracks: list[Track] = []
    for entry in entries:
        known = "lr" in entry.constants
        chosen = entry if known else _with_best_rate(surface, entry, steps, shocks)
        tracks.append(_run(surface, chosen, steps, shocks, found=not known))
    return tracks


def race_command(surface: str, methods: Sequence[str], *, steps: int, options: Sequence[str] = ()) -> str:
    """The command line that makes a race.

    Example:
        >>> race_command("bowl", ["sgd lr=0.1"], steps=100, options=["--start=1,2"])
        "unstuck race bowl --steps 100 --method 'sgd lr=0.1' --start=1,2"
    """
    given = [word for method in methods for word in ("--method", method)]
    return shlex.join(["unstuck", "race", surface, "--steps", str(steps), *given, *options])


def _run(surface: Surface, entry: Entry, steps: int, shocks: Floats | None, *, found: bool) -> Track:
    optimizer = entry.optimizer(surface.start)
    (group,) = optimizer.param_groups
    (param,) = group["params"]
    optimizer.fill_state(param, group)
    rule = optimizer.rule(group)
    numbers = entry.numbers(optimizer, steps)
    height, compiled = compile_surface(surface)
    loop = compile_loop(rule, ahead=entry.looks_ahead, compiled=compiled)
    noise = np.zeros((steps + 1, 2)) if shocks is None or not entry.noise else entry.noise * shocks
    points, gradients = np.full((steps + 1, 2), np.nan), np.full((steps + 1, 2), np.nan)
    losses = np.full(steps + 1, np.nan)
    states = np.full((steps + 1, len(rule.kept), 2), np.nan)
    points[0] = surface.start
    for k, name in enumerate(rule.kept):
        states[0, k] = optimizer.state[param][name].numpy()
    with np.errstate(all="ignore"):
        last = loop(height, steps, numbers, noise, points, losses, gradients, states)
    return Track(
        entry=entry,
        surface=surface,
        found=found,
        last=int(last),
        points=points,
        losses=losses,
        gradients=gradients,
        states={name: states[:, k] for k, name in enumerate(rule.kept)},
        numbers={name: numbers[:, k] for k, name in enumerate(rule.arguments[1:])},
    )


def _with_best_rate(surface: Surface, entry: Entry, steps: int, shocks: Floats | None) -> Entry:
    """The entry with the rate whose loss is lowest at the end of a trial."""
    best, lowest = entry, np.inf
    length = min(steps, TRIED)
    for rate in RATES:
        tried = replace(entry, constants={"lr": float(f"{rate:.1g}"), **entry.constants})
        track = _run(surface, tried, length, shocks, found=True)
        reached = np.inf if track.diverged else float(track.losses[-1])
        if reached < lowest:
            best, lowest = tried, reached
    if not np.isfinite(lowest):
        raise ArgumentError(f"{entry.text!r}: it diverges at every rate from 1e-8 to 100; give one, as lr=1e-12")
    return best
