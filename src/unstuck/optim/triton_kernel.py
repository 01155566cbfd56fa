"""Write the Triton kernel of a rule: the same recorded program as ``numba_kernel``, for CUDA.

One launch serves all tensors: each program of the grid works through one chunk of one row of the table, updates it and
leaves nine sums, in the same pass over memory.

Triton is an optional dependency: CUDA builds of torch bring it along, and ``pip install triton`` adds it elsewhere.
"""

# triton ships no type information for the language inside kernels
# pyright: basic

from __future__ import annotations

import linecache
from functools import cache
from importlib import import_module
from typing import Any

from unstuck.optim.rule import Rule
from unstuck.optim.sums import Sum

triton: Any = None
tl: Any = None

__all__ = ["available", "compile_kernel", "kernel_source"]

_TEMPLATE = """\
def kernel(table, constants_at, chunks, sums, BLOCK: tl.constexpr):
    chunk = tl.program_id(0)
    row = tl.load(chunks + 3 * chunk)
    start, stop = tl.load(chunks + 3 * chunk + 1), tl.load(chunks + 3 * chunk + 2)
    entry = table + row * {row_length}
    constants = table + constants_at + row * {constant_count}
    address = tl.load(entry + 1)
    if address != 0:
{pointers}
{constants}
{zero_sums}
        top = tl.zeros([BLOCK], tl.{integer})
        whole = start + (stop - start) // BLOCK * BLOCK
        for first in range(start, whole, BLOCK):
            i = tl.multiple_of(first, BLOCK) + tl.arange(0, BLOCK)
{block}
        if whole < stop:
            i = whole + tl.arange(0, BLOCK)
            inside = i < stop
{rest}
{results}
        largest = tl.max(top, axis=0).to(tl.{real}, bitcast=True)
        tl.store(sums + chunk * {columns} + {gradient_max}, largest.to(tl.float64))
"""


@cache
def available() -> bool:
    """Whether Triton is installed. It takes long to import, which waits until somebody asks."""
    global triton, tl
    try:
        triton, tl = import_module("triton"), import_module("triton.language")
    except ImportError:
        return False
    return True


def kernel_source(rule: Rule, real: str, *, aligned: bool) -> str:
    """The text of ``kernel``; ``aligned`` where every address is a multiple of 16 bytes."""
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
    bits = 32 if real == "float32" else 64
    infinity = 0x7F80_0000 if real == "float32" else 0x7FF0_0000_0000_0000

    # neighbouring, aligned addresses let the compiler move four numbers at a time; a table hides that from it
    hinted = "tl.max_contiguous(p{0} + i, BLOCK)"
    if aligned:
        hinted = f"tl.multiple_of({hinted}, 16)"

    def body(access: str, inside: str, change: str) -> list[str]:
        return [
            *(f"a{k} = {hinted.format(k)}" for k in range(len(names))),
            *(f"{name} = tl.load(a{k}{access})" for k, name in enumerate(names)),
            *program.lines,
            *(f"tl.store(a{k}, {r}{inside})" for k, r in zip(written, program.results, strict=True)),
            f"change = {change}",
            f"bits = g.to(tl.int{bits}, bitcast=True) & {2 ** (bits - 1) - 1}",
            "top = tl.maximum(top, bits)",
            f"s{Sum.NON_FINITE:d} += tl.where(bits >= {infinity}, 1.0, 0.0)",
            f"s{Sum.ZEROS:d} += tl.where({'inside & ' if inside else ''}(bits == 0), 1.0, 0.0)",
            *(f"s{k:d} += {term}" for k, term in terms.items()),
        ]

    difference = f"{program.results[0]} - w"
    return _TEMPLATE.format(
        real=real,
        integer=f"int{bits}",
        row_length=len(names),
        constant_count=len(program.constants),
        columns=len(Sum),
        gradient_max=int(Sum.GRADIENT_MAX),
        pointers=_indent(8, [f"p{k} = tl.load(entry + {k}).to(tl.pointer_type(tl.{real}))" for k in range(len(names))]),
        constants=_indent(
            8,
            [
                f"c{k} = tl.load(constants + {k}).to(tl.float64, bitcast=True).to(tl.{real})"
                for k in range(len(program.constants))
            ],
        ),
        zero_sums=_indent(8, [f"s{k:d} = tl.zeros([BLOCK], tl.{real})" for k in (*terms, *counts)]),
        block=_indent(12, body("", "", difference)),
        rest=_indent(12, body(", mask=inside, other=0.0", ", mask=inside", f"tl.where(inside, {difference}, 0.0)")),
        results=_indent(
            8,
            [
                f"tl.store(sums + chunk * {len(Sum)} + {k:d}, tl.sum(s{k:d}, axis=0).to(tl.float64))"
                for k in (*terms, *counts)
            ],
        ),
    )


def _indent(columns: int, lines: list[str]) -> str:
    return "\n".join(" " * columns + line for line in lines)


@cache
def compile_kernel(rule: Rule, real: str, *, aligned: bool) -> Any:
    """The kernel of a rule as a Triton function; Triton compiles it at its first launch, and keeps it on disk."""
    available()
    source = kernel_source(rule, real, aligned=aligned)
    path = f"<unstuck {rule.update.__module__} {hash((rule, real, aligned)):x}>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)  # where Triton reads it
    namespace: dict[str, Any] = {
        "__name__": __name__,
        "tl": tl,
        "sqrt": triton.jit(_sqrt_float32 if real == "float32" else _sqrt_float64),
        "maximum": triton.jit(_maximum),
        "select": triton.jit(_select),
    }
    exec(compile(source, path, "exec"), namespace)
    return triton.jit(namespace["kernel"])


def _sqrt_float32(x):
    return tl.sqrt_rn(x)  # rounded as IEEE asks; the plain one is approximate in float32


def _sqrt_float64(x):
    return tl.sqrt(x)


def _maximum(x, y):
    return tl.maximum(x, y, propagate_nan=tl.PropagateNan.ALL)


def _select(condition, x, y):
    return tl.where(condition != 0, x, y)
