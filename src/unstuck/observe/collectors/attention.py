"""The largest logit and the entropy of each head of each attention, in whichever form it is written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.autograd.attention_axes import is_learnt
from unstuck.observe.autograd.graph import TRANSPARENT, operation
from unstuck.observe.collectors.attention_logits import by_head, of_module, of_product, of_softmax
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.torch_hooks.aside import thread
from unstuck.record import signals
from unstuck.record.signals import Index, Signal

__all__ = ["SOFTMAXES", "Attention", "over_last_axis", "pairs_activations"]

MOST_HEADS = 256
"""Heads of one attention; more are positions, which somebody has put in the place of heads."""

MOST_ATTENTIONS = 256

MOST_NODES = 32
"""Operations between a product of queries and keys and the softmax over it."""

BETWEEN = TRANSPARENT | {"Mul", "Div", "Add", "Sub", "Where", "MaskedFill", "Tanh", "Clamp", "ToCopy"}
"""Scales, masks, biases and caps."""

PRODUCTS = ("Bmm", "Mm")

SOFTMAXES: frozenset[Any] = frozenset({functional.softmax, torch.softmax, Tensor.softmax})

_PRODUCT: Any = functional.scaled_dot_product_attention
_MODULE: Any = functional.multi_head_attention_forward

READINGS: Mapping[Any, Callable[..., Tensor | None]] = {_PRODUCT: of_product, _MODULE: of_module}


class Attention:
    """Measure attention as it is called, by few rows of few examples.

    ``scaled_dot_product_attention``, ``nn.MultiheadAttention`` and a softmax over products of activations are seen.

    Args:
        view: What is known of the step.

    Attributes:
        names: Every head ever seen, ``"blocks.0.attention#3"``, in the order of its first appearance.
    """

    measures = (signals.ATTENTION_LOGIT, signals.ATTENTION_ENTROPY)
    functions = frozenset(READINGS) | SOFTMAXES

    def __init__(self, view: View) -> None:
        self.names: list[str] = []
        self._view = view
        self._positions: dict[str, int] = {}
        self._taken: dict[str, Tensor] = {}
        self._calls: Counter[str] = Counter()

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a call, if it is of an attention."""
        del output
        view = self._view
        if thread.passing or (view.module is not None and view.module not in view.roots):
            return  # a checkpoint computes it again, or it is of the model of others
        if function in SOFTMAXES:
            values = args[0] if args else kwargs.get("input")
            if not isinstance(values, Tensor) or not over_last_axis(values, args, kwargs):
                return
            if not pairs_activations(values):
                return
            args, kwargs = (values,), {}
        if view.owe(self, self.measure):
            self._taken.clear()
            self._calls.clear()
        self._calls[view.where] += 1
        number = self._calls[view.where]
        where = f"{view.where or 'attention'}{'' if number == 1 else f'_{number}'}"
        if where in self._taken or len(self._taken) >= MOST_ATTENTIONS:
            return
        logits = READINGS.get(function, of_softmax)(*((args, kwargs) if function in READINGS else args))
        if logits is not None and logits.shape[1] <= MOST_HEADS:
            self._taken[where] = by_head(logits)

    def measure(self, optimizer: object) -> Measurement | None:
        """The numbers of each head."""
        del optimizer
        taken, self._taken = self._taken, {}
        heads = [f"{where}#{head}" for where, numbers in taken.items() for head in range(len(numbers))]
        for head in heads:
            if head not in self._positions:
                self._positions[head] = len(self.names)
                self.names.append(head)
                self._view.appeared.setdefault(Index.HEAD, []).append(head)

        def decode(numbers: list[list[float]]) -> dict[Signal, Any]:
            logits, entropies = ([math.nan] * len(self.names) for _ in range(2))
            flat = [value for values in numbers for value in values]
            for number, head in enumerate(heads):
                logits[self._positions[head]], entropies[self._positions[head]] = flat[2 * number : 2 * number + 2]
            return {signals.ATTENTION_LOGIT: logits, signals.ATTENTION_ENTROPY: entropies}

        return Measurement(list(taken.values()), decode) if taken else None


def over_last_axis(values: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call of a softmax is over the last axis of what it is given."""
    axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
    return isinstance(axis, int) and values.dim() > 0 and axis % values.dim() == values.dim() - 1


def pairs_activations(logits: Tensor) -> bool:
    """Whether logits are products of activations with activations, as of queries with keys, and not with weights.

    Where no gradient is on its way, four axes are taken for examples, heads, queries and keys.

    Examples:
        >>> activations, weight = torch.ones(2, 3, 4, requires_grad=True) * 1, torch.ones(4, 4, requires_grad=True)
        >>> pairs_activations(activations @ activations.mT / 2), pairs_activations(activations @ weight)
        (True, False)
    """
    if logits.dim() not in (3, 4) or logits.grad_fn is None:
        return logits.dim() == 4
    waiting: list[Any] = [logits.grad_fn]
    for _ in range(MOST_NODES):
        if not waiting:
            return False
        node = waiting.pop()
        name = operation(node)
        if name in PRODUCTS:
            factors = [successor for successor, _ in node.next_functions[:2]]
            if len(factors) == 2 and all(is_learnt(factor) for factor in factors):
                return True
        elif name in BETWEEN:
            waiting += [successor for successor, _ in node.next_functions if successor is not None]
    return False
