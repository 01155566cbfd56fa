"""Write and compile the Numba kernel of a rule.

A kernel works through a table: each row is one parameter tensor (addresses of weight, gradient and states), each chunk
a stretch of one row. Threads draw chunks by ticket until none is left, so one call serves all tensors of a step
however many and however large. The update and the nine sums of ``sums.Sum`` are computed in the same pass over memory.

Kernels are compiled at first use and kept on disk (``compilation``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

from unstuck.optim.compilation import compiled, numba
from unstuck.optim.rule import Rule
from unstuck.optim.sums import Sum

__all__ = ["BLOCK", "Real", "compile_kernel", "kernel_source"]

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
    return compiled(
        kernel_source(rule, real),
        entry="kernel",
        helpers=("count_from", "exact_square"),
        arguments=6,
        answers=False,
        name=f"{rule.update.__module__.rpartition('.')[2]}_{real}",
        names={real: getattr(numba(), real)},
        nogil=True,
        fastmath={"contract"},
    )
