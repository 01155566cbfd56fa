"""The hint that keeps LLVM from unrolling a kernel's vector loop stands in the code that is compiled."""

from __future__ import annotations

import re

import numba
import numpy as np

from unstuck.optim.loops import OneVectorAtATime


def total(values):
    s = 0.0
    for i in range(len(values)):
        s += values[i] * values[i]
    return s


def test_sums_are_kept_in_one_vector():
    hinted = numba.njit("float64(float64[::1])", fastmath=True, pipeline_class=OneVectorAtATime)(total)
    plain = numba.njit("float64(float64[::1])", fastmath=True)(total)
    assert vector_sums(hinted) == 1 < vector_sums(plain)


def vector_sums(function):
    """How many vectors of partial sums the compiled loop adds to at once."""
    text = next(iter(function.inspect_llvm().values()))
    loop = next(block for block in re.split(r"\n(?=\S+:)", text) if block.lstrip().startswith("vector.body"))
    return len(re.findall(r"phi <\d+ x double>", loop))


def test_the_result_is_the_same():
    hinted = numba.njit("float64(float64[::1])", pipeline_class=OneVectorAtATime)(total)
    values = np.linspace(-1, 1, 1_001)
    assert hinted(values) == total(values)
