"""Write and compile the Numba kernel of a rule.

A kernel works through a table: each row is one parameter tensor (addresses of weight, gradient and states), each chunk
a stretch of one row. Threads draw chunks by ticket until none is left, so one call serves all tensors of a step
however many and however large. The update and the nine sums of ``sums.Sum`` are computed in the same pass over memory.

Kernels are compiled at first use and kept on disk (``kernel_cache``).

Numba is an optional dependency, ``pip install 'unstuck[train]'``. It takes long to import, which waits for the first
kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Literal

from unstuck.errors import MissingPackageError
from unstuck.optim.kernel_cache import keep_source
from unstuck.optim.rule import Rule
from unstuck.optim.sums import Sum
from unstuck.optional import require

__all__ = ["BLOCK", "Real", "available", "compile_kernel", "kernel_source", "numba"]

Real = Literal["float32", "float64"]
BLOCK = 2048  #: entries summed in the tensors' own precision before the sum goes to float64

_TEMPLATE = '''\
"""Made by unstuck.optim from an update rule, its loops one vector at a time; safe to delete."""


def kernel(rows, constants, chunks, count, ticket, sums):
    zero, infinity = {real}(0), {real}(inf)
    while True:
        chunk = take_ticket(ticket)
        if chunk >= count:
            return
        row = load_integer(chunks, 3 * chunk)
        entry = rows + row * {row_bytes}
        p1 = load_integer(entry, 1)
        if p1 == 0:
            continue
        start, stop = load_integer(chunks, 3 * chunk + 1), load_integer(chunks, 3 * chunk + 2)
{pointers}
{constants}
{zero_totals}
        nought, limit = magnitude(zero), magnitude(infinity)
        top = nought
        for first in range(start, stop, {block}):
            last = min(first + {block}, stop)
            largest, nil = nought, nought
{zero_sums}
            for i in range(first, last):
{loads}
{lines}
{stores}
                change = {weight} - w
                bits = magnitude(g)
                largest = larger(largest, bits)
                nil = tally(nil, bits == nought)
{sums}
            top = larger(top, largest)
            if largest >= limit:
                t{non_finite} += count_from(p1, first, last, zero, limit)
            elif largest > nought and (s1 < {real}({tiny}) or s1 == infinity):
                t1 += exact_square(p1, first, last, zero)
                s1 = zero
            t{zeros} += nil
{totals}
{results}
'''

_RARE = '''

def count_from(address, first, last, like, limit):
    """How many entries are as large in magnitude as ``limit``."""
    total = 0
    for i in range(first, last):
        if magnitude(load(address, i, like, 1)) >= limit:
            total += 1
    return total


def exact_square(address, first, last, like):
    """Sum of squares that neither overflows nor vanishes in float32."""
    total = 0.0
    for i in range(first, last):
        x = float64(load(address, i, like, 1))
        total = plus(total, x * x)
    return total
'''


def numba() -> Any:
    """Numba.

    Raises:
        MissingPackageError: It is not installed, or does not work with the NumPy that is.
    """
    return require("numba", extra="train", purpose="engine='numba'")


@cache
def available() -> bool:
    """Whether Numba is installed and works here."""
    try:
        numba()
    except MissingPackageError:
        return False
    return True


def kernel_source(rule: Rule, real: Real) -> str:
    """The text of the module that holds ``kernel``."""
    program = rule.program()
    names = ("w", "g", *rule.kept)
    terms = {
        Sum.WEIGHT_SQ: "w * w",
        Sum.GRADIENT_SQ: "g * g",
        Sum.UPDATE_SQ: "change * change",
        Sum.GRADIENT_UPDATE: "g * change",
    }
    if rule.average in rule.kept:
        terms |= {Sum.GRADIENT_AVERAGE: f"g * {rule.average}", Sum.AVERAGE_SQ: f"{rule.average} * {rule.average}"}
    counts = (Sum.NON_FINITE, Sum.ZEROS)
    written = [0, *range(2, len(names))]

    def block(indent: int, lines: list[str]) -> str:
        return "\n".join(" " * indent + line for line in lines)

    return (
        _TEMPLATE.format(
            real=real,
            non_finite=int(Sum.NON_FINITE),
            zeros=int(Sum.ZEROS),
            row_bytes=8 * len(names),
            block=BLOCK,
            tiny=1e-30 if real == "float32" else 1e-290,
            weight=program.results[0],
            pointers=block(8, [f"p{k} = load_integer(entry, {k})" for k in written]),
            constants=block(
                8,
                [
                    f"c{k} = {real}(load_constant(constants, row * {len(program.constants)} + {k}))"
                    for k in range(len(program.constants))
                ],
            ),
            zero_totals=block(8, [f"t{k:d} = 0.0" for k in (*terms, *counts)]),
            zero_sums=block(12, [f"s{k:d} = zero" for k in terms]),
            loads=block(16, [f"{name} = load(p{k}, i, zero, {k})" for k, name in enumerate(names)]),
            lines=block(16, program.lines),
            stores=block(16, [f"store(p{k}, i, {r}, {k})" for k, r in zip(written, program.results, strict=True)]),
            sums=block(16, [f"s{k:d} = plus(s{k:d}, {term})" for k, term in terms.items()]),
            totals=block(12, [f"t{k:d} += float64(s{k:d})" for k in terms]),
            results=block(
                8,
                [f"store_sum(sums, chunk * {len(Sum)} + {k:d}, t{k:d})" for k in (*terms, *counts)]
                + [f"store_sum(sums, chunk * {len(Sum)} + {Sum.GRADIENT_MAX:d}, float64(from_magnitude(top)))"],
            ),
        )
        + _RARE
    )


@cache
def compile_kernel(rule: Rule, real: Real) -> Callable[[int, int, int, int, int, int], None]:
    """The compiled kernel of a rule: ``kernel(rows, constants, chunks, count, ticket, sums)``, all addresses but count.

    It runs without the interpreter's lock. The first call for a rule compiles, or loads what an earlier process has
    compiled; later calls return the same object.
    """
    compiler = numba()
    intrinsics = import_module("unstuck.optim.intrinsics")  # which imports Numba
    source = kernel_source(rule, real)
    path = keep_source(source, name=f"{rule.update.__module__.rpartition('.')[2]}_{real}")
    namespace: dict[str, Any] = {
        "__name__": __name__,  # a kept kernel names a module that can be imported
        **{name: getattr(intrinsics, name) for name in intrinsics.__all__},
        real: getattr(compiler, real),
        "float64": compiler.float64,
        "inf": float("inf"),
    }
    exec(compile(source, path or "<unstuck kernel>", "exec"), namespace)
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"contract"},
        "cache": path is not None,
    }
    for rare in ("count_from", "exact_square"):
        namespace[rare] = compiler.njit(error_model="numpy")(namespace[rare])
    addresses = (compiler.int64,) * 6
    loops = import_module("unstuck.optim.loops")
    return compiler.njit(compiler.void(*addresses), pipeline_class=loops.OneVectorAtATime, **options)(
        namespace["kernel"]
    )
