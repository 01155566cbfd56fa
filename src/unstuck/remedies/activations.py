"""Which call of an activation made a tensor, and what it was given."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unstuck.observe.autograd.graph import operation
from unstuck.observe.user_code.frames import user_site
from unstuck.remedies.interventions import running_module

__all__ = ["ACTIVATIONS", "SATURATING", "SIGMOIDS", "SOFTMAXES", "Made", "Makers", "site"]

SOFTMAXES: tuple[Any, ...] = (
    *(F.softmax, F.log_softmax, torch.softmax, torch.log_softmax, Tensor.softmax, Tensor.log_softmax),
)

SIGMOIDS: tuple[Any, ...] = (torch.sigmoid, Tensor.sigmoid, F.sigmoid, torch.special.expit)

TANHS: tuple[Any, ...] = (torch.tanh, Tensor.tanh, F.tanh)

RECTIFIERS: tuple[Any, ...] = (
    *(F.relu, torch.relu, Tensor.relu, F.relu6, F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish),
    *(F.softplus, F.logsigmoid, F.hardtanh, F.hardsigmoid, F.hardswish, torch.clamp, Tensor.clamp, torch.clip),
)

SATURATING: tuple[Any, ...] = (*SIGMOIDS, *TANHS, F.softmax, torch.softmax, Tensor.softmax, F.softsign, F.hardsigmoid)
"""Activations whose slope vanishes at both ends."""

ACTIVATIONS: tuple[Any, ...] = (*SOFTMAXES, *SIGMOIDS, *TANHS, *RECTIFIERS, F.softsign)

PRODUCTS = ("mm", "convolution", "linear", "mv", "rnn", "lstm", "gru", "scaleddot")
"""Parts of the names of operations that multiply by weights, or by what some have given."""

NEAR = 64
"""Operations from a loss within which the activation that made its outputs is looked for."""


def site() -> Hashable:
    """The place of a call: the layer of PyTorch's that makes it, else the line of the user's code within a module."""
    module = running_module()
    if module is not None and type(module).__module__.startswith("torch.nn."):
        return id(module)
    place = user_site(2)
    return (None if module is None else id(module), *place)


@dataclass
class Made:
    """A result of an activation.

    Attributes:
        function: The activation.
        source: What it was given.
        site: Where it was called.
        exchanged: What the activation itself gives, where the program was handed something else; None where it was not.
    """

    function: Any
    source: Tensor
    site: Hashable
    exchanged: Tensor | None = None


class Makers:
    """The results of activations that are alive, and the nodes that made them.

    Examples:
        >>> makers, scores = Makers(), torch.tensor([[1.0, 2.0]], requires_grad=True)
        >>> shares = scores.softmax(1)
        >>> makers.note(shares, Made(F.softmax, scores, "here"))
        >>> view = shares[:, 1:]
        >>> makers.of(view).site, makers.replayed(view, makers.of(view).source).tolist()
        ('here', [[2.0]])
    """

    def __init__(self) -> None:
        self._results: dict[int, tuple[weakref.ref[Tensor], Made]] = {}

    def note(self, result: Any, made: Made) -> None:
        """Remember who made a result, as long as it lives."""
        if not isinstance(result, Tensor):
            return
        key = id(result)
        self._results[key] = (weakref.ref(result, lambda _: self._results.pop(key, None)), made)
        if result.grad_fn is not None:
            _notes(result.grad_fn)[self] = made  # it lives as long as the graph

    def of(self, tensor: Any) -> Made | None:
        """Who made a tensor, or what it is a view of."""
        if not isinstance(tensor, Tensor):
            return None
        for candidate in (tensor, tensor._base):  # pyright: ignore[reportPrivateUsage]
            known = self._results.get(id(candidate))
            if known is not None and known[0]() is candidate:
                return known[1]
        return None

    def last(self, root: Any) -> Made | None:
        """The activation that gives a loss its outputs: the nearest in its graph with no weights behind it."""
        queue = deque([root.grad_fn] if isinstance(root, Tensor) and root.grad_fn is not None else [])
        met: set[Any] = set(queue)
        while queue and len(met) < NEAR:
            node = queue.popleft()
            known = _notes(node).get(self)
            if known is not None:
                return known
            if any(word in operation(node).lower() for word in PRODUCTS):
                continue
            following = [successor for successor, _ in node.next_functions if successor is not None]
            queue.extend(successor for successor in following if successor not in met)
            met.update(following)
        return None

    def replayed(self, tensor: Tensor, source: Tensor) -> Tensor | None:
        """A tensor like one that was made, or is a view of it, but of another source; None where that cannot be."""
        base = tensor._base  # pyright: ignore[reportPrivateUsage]
        if self._results.get(id(tensor)) is not None or base is None:
            return source if source.shape == tensor.shape else None
        if base.shape != source.shape or not base.is_contiguous():
            return None
        return source.contiguous().as_strided(tensor.size(), tensor.stride(), tensor.storage_offset())


def _notes(node: Any) -> dict[Any, Any]:
    """What PyTorch lets everybody keep with a node of a graph."""
    return node.metadata
