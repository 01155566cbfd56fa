"""How curved the loss is along its gradient before any step could do harm: it bounds the rate of plain descent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.curvature import curvature_along_gradient
from unstuck.observe.autograd.extra_pass import HOOKING, runs_program_code
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["FirstCurvature"]

FORWARD_SECONDS = 0.03
"""Processor time of a forward pass up to which the product, which takes about ten times as long, is part of the
start-up; a machine that others use too does not change it."""

MEMORY = 6
"""The graph of the gradient takes a few times the memory of that of the loss; this many times must be there."""


class FirstCurvature:
    """Multiply the Hessian of the first loss by its gradient.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = HOOKING

    def __init__(self, view: View) -> None:
        self._view = view
        self._entered = 0.0
        self._asked = False
        self._found: list[facts.FirstCurvature] = []

    def forward(self, phase: str) -> None:
        """Note when the batch enters."""
        if not self._asked:
            self._entered = time.thread_time()

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """The program hooks a tensor, or takes hold of a node of the graph, which it may hook."""
        self._view.hooked = True

    def backward(self, graph: GraphWalk) -> None:
        """Measure once, where it takes little and runs no code of the program's."""
        view, root = self._view, graph.root
        if self._asked or not view.entered:
            return
        self._asked = True
        took = time.thread_time() - self._entered
        # Of a batch that cannot be read, a sparse one say, products of gradients may warn.
        if view.updates or view.batch is None or view.hooked or view.roots.compiled or took > FORWARD_SECONDS:
            return
        weights = [p for p in graph.variables if id(p) in view.roots.held and p.requires_grad]
        if not graph.complete or graph.custom or not _differentiable(root, weights) or runs_program_code(root):
            return
        curvature = curvature_along_gradient(root, weights)
        if curvature is not None:
            self._found.append(facts.FirstCurvature(along_gradient=curvature))

    def facts(self) -> Iterator[facts.FirstCurvature]:
        """What was found."""
        found, self._found = self._found, []
        yield from found


def _differentiable(loss: Tensor, weights: Sequence[Tensor]) -> bool:
    """Whether a second pass has room, and can neither fail loudly nor be seen."""
    if torch.is_anomaly_enabled() or torch.are_deterministic_algorithms_enabled() or not alone():
        return False
    if loss.numel() != 1 or not weights or not all(map(is_readable, (loss, *weights))):
        return False
    ordinary = all(p.is_floating_point() and p.device == loss.device and not p._backward_hooks for p in weights)  # pyright: ignore
    return ordinary and (loss.is_cpu or (loss.is_cuda and _fits(loss.device)))


def _fits(device: torch.device) -> bool:
    """Whether an accelerator has several times the memory that the training takes by now."""
    free, _ = torch.cuda.mem_get_info(device)
    taken, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    return MEMORY * taken < free + reserved - taken
