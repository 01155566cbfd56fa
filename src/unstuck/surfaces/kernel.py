"""The loop of a race, written from an update rule of ``unstuck.optim`` and compiled.

The rule is the one that the optimizer itself is made of (``optim.rule``): its recorded lines stand in the loop, once
for each of the two parameters. So a race takes the steps that the optimizer would take, a thousand times as fast.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

from unstuck.optim.compilation import available, numba
from unstuck.optim.kernel_cache import keep_source
from unstuck.optim.rule import Rule
from unstuck.surfaces.operations import VOCABULARY
from unstuck.surfaces.surface import Surface

__all__ = ["compile_loop", "compile_surface", "loop_source"]

Loop = Callable[..., int]
Height = Callable[[float, float], tuple[float, float, float]]

_LOOP = '''\
"""Made by unstuck.surfaces from an update rule; safe to delete."""


def loop(height, steps, numbers, noise, points, losses, gradients, states):
    w0, w1 = points[0, 0], points[0, 1]
{starts}
    for step in range(steps + 1):
        t = step + 1.0
        n = min(step, steps - 1)
{numbers}
        loss, g0, g1 = height(w0, w1)
        points[step, 0], points[step, 1], losses[step] = w0, w1, loss
{ahead}
        g0, g1 = g0 + noise[step, 0], g1 + noise[step, 1]
        gradients[step, 0], gradients[step, 1] = g0, g1
{kept}
        if step == steps or not (isfinite(loss) and isfinite(g0) and isfinite(g1)):
            return step
{constants}
{updates}
    return steps
'''


def loop_source(rule: Rule, *, ahead: bool) -> str:
    """The text of ``loop(height, steps, numbers, noise, points, losses, gradients, states)``: it returns the last step.

    Args:
        rule: The update rule.
        ahead: Whether gradients are taken where the velocity is about to lead.
    """
    program = rule.program()
    states = rule.kept

    def block(indent: int, lines: list[str]) -> str:
        return "\n".join(" " * indent + line for line in lines)

    starts = [f"{name}{i} = states[0, {k}, {i}]" for k, name in enumerate(states) for i in (0, 1)]
    kept = [f"states[step, {k}, {i}] = {name}{i}" for k, name in enumerate(states) for i in (0, 1)]
    updates: list[str] = []
    for i in (0, 1):
        updates += [f"w, g = w{i}, g{i}", *(f"{name} = {name}{i}" for name in states), *program.lines]
        written = ", ".join((f"w{i}", *(f"{name}{i}" for name in states)))
        updates.append(f"{written} = {', '.join(program.results)}")
    look = "velocity{i} * momentum"
    points = ", ".join(f"w{i} + {look.format(i=i)}" for i in (0, 1))
    return _LOOP.format(
        starts=block(4, starts),
        numbers=block(8, [f"{name} = numbers[n, {k}]" for k, name in enumerate(rule.arguments[1:])]),
        ahead=block(8, [f"_, g0, g1 = height({points})"] if ahead else []),
        kept=block(8, kept),
        constants=block(8, [f"c{k} = {text}" for k, text in enumerate(program.constants)]),
        updates=block(8, updates),
    )


@cache
def compile_loop(rule: Rule, *, ahead: bool, compiled: bool) -> Loop:
    """The loop of a rule, by Numba where it is ``compiled``, else in Python."""
    source = loop_source(rule, ahead=ahead)
    if not compiled:
        return _run(source, "loop", {**VOCABULARY, "select": _select})
    kinds = numba().types
    real, reals = kinds.float64, kinds.float64[:, ::1]
    height = kinds.FunctionType(kinds.UniTuple(real, 3)(real, real))
    series = (kinds.float64[::1], reals, kinds.float64[:, :, ::1])
    signature = kinds.int64(height, kinds.int64, reals, reals, reals, *series)
    name = f"race_{rule.update.__module__.rpartition('.')[2]}"
    return _compile(source, "loop", signature, name)


@cache
def compile_surface(surface: Surface) -> tuple[Height, bool]:
    """The loss and gradient of a surface, and whether they are compiled; else they call the function."""
    if surface.formula is None or not available():
        return surface.gradient, False
    real = numba().types.float64
    signature = numba().types.UniTuple(real, 3)(real, real)
    return _compile(surface.formula.source, "height", signature, "surface"), True


def _run(source: str, name: str, vocabulary: dict[str, Any]) -> Any:
    exec(compile(source, f"<unstuck {name}>", "exec"), vocabulary)
    return vocabulary[name]


def _compile(source: str, function: str, signature: Any, name: str) -> Any:
    njit = numba().njit
    # Numba finds kept code by the names of functions, across files: each text needs a name of its own.
    unique = f"{function}_{zlib.crc32(source.encode()):08x}"
    source = source.replace(f"def {function}(", f"def {unique}(")
    path = keep_source(source, name=name)

    def inlined(helper: Callable[..., Any]) -> Any:
        return njit(error_model="numpy", inline="always")(helper)

    vocabulary = {
        "__name__": __name__,
        **VOCABULARY,
        "where": inlined(_select),
        "select": inlined(_select),
        "float": inlined(_as_float),
    }
    exec(compile(source, path or f"<unstuck {function}>", "exec"), vocabulary)
    return njit(signature, error_model="numpy", cache=path is not None)(vocabulary[unique])


def _select(condition: Any, yes: float, no: float) -> float:
    return yes if condition else no


def _as_float(condition: Any) -> float:
    return 1.0 * condition  # Numba makes no float of a bool
