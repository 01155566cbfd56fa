"""What do the queries of each attention look at: keys before and behind them, padding?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.autograd.order import same_for_all_queries
from unstuck.observe.autograd.split_features import are_split_features, factors_of_scores
from unstuck.observe.collectors.attention_arguments import (
    ARGUMENTS,
    HEADED,
    Mask,
    given_to,
    masks_of_module,
    masks_of_product,
)
from unstuck.observe.collectors.axis_calls import SOFTMAXES
from unstuck.observe.collectors.made_values import SUMS
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.checkpoints import within_checkpoint
from unstuck.observe.user_code.frames import Site, user_site
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["AttentionCalls", "Looked", "looked_at"]

MOST_PLACES = 16
"""Lines and modules whose attention is kept."""

MOST_LAYERS = 64
"""Attentions of a step whose keys can be followed back."""

MOST_STEPS = 16
"""Sampled steps in which attention is looked at."""

EXAMPLES = 16
"""Examples of a batch that are looked at."""

MOST_PAIRS = 1 << 20
"""Pairs of a query and a key that are looked at; of longer sequences, fewer examples."""

NEGLIGIBLE = 0.01
"""Weight below which a key is not looked at, over that of equal weights."""

MASKED = -20.0
"""What is added to a score that leaves nothing of its weight: exp(-20) is 2e-9."""

NAMES = {function: function.__name__ for function in ARGUMENTS}

Kind = Literal["none", "causal", "bool", "float"]


@dataclass(frozen=True)
class Looked:
    """What the queries of one attention look at.

    Attributes:
        pairs: True where a query looks at a key, shape (examples, queries, keys); examples may be 1 for all.
        examples: Examples of the batch.
        mask: The kind of the mask.
        zero_one: Whether a float mask, which is added, holds nothing but zeros and ones.
        uniform: Whether all entries of a mask are equal.
        by_query: Whether a mask differs between the queries of an example.
        of_heads: Whether queries and keys are the heads of one position, and no positions.
    """

    pairs: Tensor
    examples: int
    mask: Kind = "none"
    zero_one: bool = False
    uniform: bool = False
    by_query: bool = False
    of_heads: bool = False


class AttentionCalls:
    """Look once at each attention, and once more where padding is recognised in a later batch only.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any](ARGUMENTS) | SOFTMAXES | SUMS

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[tuple[Site, str], facts.AttentionCall] = {}
        self._new: list[facts.AttentionCall] = []
        self._biases: dict[tuple[int, ...], bool] = {}

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at an attention of a model of sequences of ids, and at any whose heads take the place of positions."""
        view = self._view
        if view.samples >= MOST_STEPS or not isinstance(output, Tensor | tuple) or not self._learning(function):
            return
        if function in SUMS:
            self._add(args, output)
            return
        of_heads = _of_heads(function, args, kwargs, output)
        if not of_heads and (not view.embedded or (function in SOFTMAXES and not self._is_attention(output))):
            return
        self._note_keys(function, args, kwargs, output)
        key = (user_site(2), view.where)
        known = self._known.get(key)
        if (known is not None and known.padding is not None) or (known is None and len(self._known) >= MOST_PLACES):
            return
        looked = looked_at(function, args, kwargs, output)
        if looked is None:
            return
        if isinstance(output, Tensor) and self._biases.get(tuple(output.shape)):
            looked = replace(looked, by_query=True)
        fact = self._fact(NAMES.get(function, "softmax"), replace(looked, of_heads=of_heads), key)
        if known is None or fact.padding is not None:
            self._known[key] = fact
            self._new.append(fact)

    def _learning(self, function: Any) -> bool:
        """Whether a call is of a pass to learn from, also where a checkpoint makes it without gradients at first."""
        view = self._view
        if view.learning:
            return True
        return bool(view.embedded) and view.module is not None and function not in SUMS and within_checkpoint()

    def _note_keys(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Note what made the keys, or weights that are written out, so that it can be asked what they come from."""
        keys = given_to(function, args, kwargs).get("key") if function in ARGUMENTS else output
        if isinstance(keys, Tensor) and keys.grad_fn is not None and len(self._view.attended) < MOST_LAYERS:
            self._view.attended.append((keys.grad_fn, self._view.where))

    def _add(self, args: tuple[Any, ...], output: Any) -> None:
        """Note whether a constant that is added to scores, of which there are as many axes, differs by query."""
        if not self._view.embedded or not isinstance(output, Tensor) or output.dim() not in (HEADED - 1, HEADED):
            return
        constants = [one for one in args[:2] if isinstance(one, Tensor) and not one.requires_grad]
        if len(constants) == 1 and is_readable(constants[0]):
            shape = tuple(output.shape)
            self._biases[shape] = self._biases.get(shape, False) or not same_for_all_queries(constants[0])

    def facts(self) -> Iterator[facts.AttentionCall]:
        """What was seen since the last time."""
        new, self._new = self._new, []
        yield from new

    def _is_attention(self, output: Any) -> bool:
        """Whether a softmax runs over the positions of a sequence."""
        if not isinstance(output, Tensor) or output.is_nested or not 2 <= output.dim() <= HEADED:
            return False
        pooled = output.dim() == HEADED - 1 and output.shape[-1] == 1
        examples, keys = len(output), output.shape[-2 if pooled else -1]
        return any({*one.ids.shape} in ({examples, keys}, {examples, keys - 1}) for one in self._view.embedded)

    def _padding(self, examples: int, length: int) -> Tensor | None:
        """Padding of a sequence of some length, shape (examples, length); one more position may stand before it."""
        for one in self._view.embedded:
            padding = one.padding
            if padding is None:
                continue
            for rows in (padding, padding.T):
                if rows.shape == (examples, length):
                    return rows
                if rows.shape == (examples, length - 1):
                    return functional.pad(rows, (1, 0))
        return None

    def _fact(self, function: str, looked: Looked, key: tuple[Site, str]) -> facts.AttentionCall:
        pairs = looked.pairs
        queries, keys = pairs.shape[-2:]
        padding, asking = self._padding(looked.examples, keys), self._padding(looked.examples, queries)
        on_padding = on_real = None
        if padding is not None:
            padded = padding[: max(EXAMPLES, len(pairs))].unsqueeze(1)
            real = torch.ones_like(padded) if asking is None else ~asking[: len(padded)].unsqueeze(-1)
            pairs = pairs.expand(len(padded), -1, -1) if len(pairs) == 1 else pairs
            padded, real = padded[: len(pairs)], real[: len(pairs)]
            on_padding, on_real = _share(pairs, real & padded), _share(pairs, real & ~padded)
        square = queries == keys and queries > 1
        below = torch.ones(queries, keys, dtype=torch.bool, device=pairs.device).tril(-1)
        site, where = key
        return facts.AttentionCall(
            function=function,
            queries=queries,
            keys=keys,
            mask=looked.mask,
            zero_one=looked.zero_one,
            uniform=looked.uniform,
            by_query=looked.by_query,
            of_heads=looked.of_heads,
            padding=None if padding is None else float(padding.double().mean()),
            on_padding=on_padding,
            on_real=on_real,
            before=_share(pairs, below.expand_as(pairs)) if square else None,
            behind=_share(pairs, below.T.expand_as(pairs)) if square else None,
            next=_next(pairs) if square else None,
            where=where,
            file=site.file,
            line=site.line,
        )


def looked_at(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Looked | None:
    """What the queries of one call look at; None where it is no attention, or cannot be read.

    Args:
        function: The function.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        output: What it returned.
    """
    if function is functional.scaled_dot_product_attention:
        return _fused(args, kwargs)
    if function is functional.multi_head_attention_forward:
        return _multi_head(args, kwargs)
    return _weights(output) if isinstance(output, Tensor) else None


def _of_heads(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> bool:
    """Whether the heads of one position look at each other, for want of a transpose."""
    if function is functional.scaled_dot_product_attention:
        query = given_to(function, args, kwargs).get("query")
        return isinstance(query, Tensor) and query.dim() == HEADED and are_split_features(query.grad_fn, HEADED - 2)
    if function in SOFTMAXES and isinstance(output, Tensor) and not output.is_nested and output.dim() == HEADED:
        queries = factors_of_scores(output)
        return queries is not None and are_split_features(*queries)
    return False


def _weights(weights: Tensor) -> Looked | None:
    """The keys that weights are put on, shape (examples, queries, keys) past the heads."""
    if not is_readable(weights) or not weights.is_floating_point() or not weights.numel():
        return None
    weights = weights.detach()
    if weights.dim() == 3 and weights.shape[-1] == 1:
        weights = weights.squeeze(-1)
    if weights.dim() == 2:
        weights = weights.unsqueeze(1)
    if weights.dim() == HEADED:
        weights = weights[:, 0]
    some = weights[: _some(weights.shape[-2:])]
    hidden = same_for_all_queries(some == 0)
    return Looked(some > NEGLIGIBLE / some.shape[-1], len(weights), by_query=not hidden)


def _some(shape: tuple[int, ...]) -> int:
    return max(1, min(EXAMPLES, MOST_PAIRS // max(1, shape[0] * shape[1])))


def _fused(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Looked | None:
    given = given_to(functional.scaled_dot_product_attention, args, kwargs)
    query, key = given.get("query"), given.get("key")
    if not isinstance(query, Tensor) or not isinstance(key, Tensor) or query.is_nested:
        return None
    masks = masks_of_product(given)
    if query.dim() not in (HEADED, HEADED - 1) or masks is None:
        return None
    queries, keys = query.shape[-2], key.shape[-2]
    pairs = torch.ones(1, queries, keys, dtype=torch.bool, device=query.device)
    if given.get("is_causal"):
        return Looked(pairs.tril(), len(query), "causal", by_query=True)
    return _through(masks, pairs, len(query))


def _multi_head(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Looked | None:
    given = given_to(functional.multi_head_attention_forward, args, kwargs)
    query, key = given.get("query"), given.get("key")
    if not isinstance(query, Tensor) or not isinstance(key, Tensor) or query.is_nested:
        return None
    if query.dim() != HEADED - 1:
        return None
    (queries, examples), keys = query.shape[:2], len(key)
    masks = masks_of_module(given, examples)
    pairs = torch.ones(1, queries, keys, dtype=torch.bool, device=query.device)
    return None if masks is None else _through(masks, pairs, examples)


def _through(masks: list[Mask], pairs: Tensor, examples: int) -> Looked:
    """What some masks leave of all pairs, by the first head."""
    some = _some(tuple(pairs.shape[1:]))
    for mask in masks:
        pairs = pairs & mask.allowed(mask.values[:some, 0], below=MASKED)
    kinds = [_kind(mask.own) for mask in masks] or [("none", False, False)]
    kind = next((one for one in kinds if one[1]), kinds[0])
    by_query = any(not same_for_all_queries(mask.values) for mask in masks)
    return Looked(pairs, examples, *kind, by_query=by_query)


def _kind(mask: Tensor) -> tuple[Kind, bool, bool]:
    """The kind of a mask, whether it is added and has nothing but zeros and ones, and whether all of it is equal."""
    uniform = bool((mask == mask.reshape(-1)[0]).all()) if mask.numel() else True
    if mask.dtype == torch.bool:
        return "bool", False, uniform
    zero_one = not uniform and bool(((mask == 0) | (mask == 1)).all())
    return "float", zero_one, uniform


def _next(pairs: Tensor) -> float | None:
    """Share of the keys that any query looks at, the first one left out, that the query before them looks at."""
    looked, before = pairs.any(dim=-2)[..., 1:], pairs.diagonal(1, dim1=-2, dim2=-1)
    return float((before & looked).sum() / looked.sum()) if bool(looked.any()) else None


def _share(pairs: Tensor, among: Tensor) -> float | None:
    count = among.expand_as(pairs).sum()
    return float((pairs & among).sum() / count) if int(count) else None
