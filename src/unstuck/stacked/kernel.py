"""The compiled kernel of an update rule at work on stacked parameters: a row of its table for each member's slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.optim.numba_engine import CHUNK, available
from unstuck.optim.numba_kernel import compile_kernel
from unstuck.optim.rule import Rule
from unstuck.optim.sums import Sum

__all__ = ["KernelStep", "serves"]

_REALS: dict[torch.dtype, Literal["float32", "float64"]] = {torch.float32: "float32", torch.float64: "float64"}


def serves(parameters: Sequence[Tensor]) -> bool:
    """Whether the kernel can step parameters: on the CPU, of one real type that it knows, with Numba installed."""
    types = {parameter.dtype for parameter in parameters}
    return available() and len(types) == 1 and types <= _REALS.keys() and parameters[0].device.type == "cpu"


class KernelStep:
    """The step of stacked parameters that share a rule and a type.

    Args:
        rule: The formula.
        parameters: Each (M, ...), contiguous.
        buffers: For each parameter those of the rule, in its order, laid out alike.
    """

    def __init__(self, rule: Rule, parameters: Sequence[Tensor], buffers: Sequence[Sequence[Tensor]]) -> None:
        self._parameters, self._held = list(parameters), [list(own) for own in buffers]
        self._members = members = parameters[0].shape[0]
        self._dtype = parameters[0].dtype
        self._kernel = compile_kernel(rule, _REALS[self._dtype])
        program = rule.program()
        self._evaluate = program.evaluator(of_arrays=True)
        shape = (len(parameters), members)
        self._addresses = np.zeros((*shape, 2 + len(rule.kept)), np.int64)
        for own, parameter, states in zip(self._addresses, parameters, buffers, strict=True):
            for column, tensor in zip((0, *range(2, 2 + len(states))), (parameter, *states), strict=True):
                own[:, column] = _slices(tensor)
        self._constants = np.zeros((*shape, len(program.constants)))
        sizes = np.repeat([parameter[0].numel() for parameter in parameters], members)
        chunks = [
            (row, start, min(start + CHUNK, size)) for row, size in enumerate(sizes) for start in range(0, size, CHUNK)
        ]
        self._chunks = np.array(chunks, np.int64)
        self._ticket = np.zeros(1, np.int64)
        self._sums = np.full((len(chunks), len(Sum)), np.nan)
        self._seen = [0] * len(parameters)
        self._arguments: tuple[int, ...] = (
            self._addresses.ctypes.data,
            self._constants.ctypes.data,
            self._chunks.ctypes.data,
            len(self._chunks),
            self._ticket.ctypes.data,
            self._sums.ctypes.data,
        )

    def run(self, t: int, numbers: Sequence[NDArray[np.float64]]) -> None:
        """Take the step of all members.

        Args:
            t: Its number, from 1.
            numbers: The rule's arguments after ``t``, each with one number for each member.
        """
        with np.errstate(all="ignore"):
            for column, values in enumerate(self._evaluate(float(t), *numbers)):
                self._constants[..., column] = values
        changed: list[Tensor] = []
        kept: list[Tensor] = []
        for k, parameter in enumerate(self._parameters):
            gradient = parameter.grad
            if gradient is None:
                self._seen[k], self._addresses[k, :, 1] = 0, 0
                continue
            if not gradient.is_contiguous() or gradient.dtype is not self._dtype:
                gradient = gradient.to(self._dtype).contiguous()
                kept.append(gradient)
            if gradient.data_ptr() != self._seen[k]:
                self._seen[k], self._addresses[k, :, 1] = gradient.data_ptr(), _slices(gradient)
            changed.append(parameter)
        self._ticket[0] = 0
        self._kernel(*self._arguments)
        if changed:
            torch.autograd.graph.increment_version(changed)


def _slices(tensor: Tensor) -> NDArray[np.int64]:
    """Where each member's slice begins in memory."""
    step = tensor.stride(0) * tensor.element_size() if len(tensor) > 1 else 0
    return tensor.data_ptr() + step * np.arange(len(tensor), dtype=np.int64)
