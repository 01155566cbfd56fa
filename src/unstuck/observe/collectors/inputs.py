"""What the model takes in, by feature, over the sampled batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.distributed import is_awaited, is_distributed
from unstuck.observe.tensors.readable import is_readable, values_here
from unstuck.record import facts, signals
from unstuck.record.signals import Signal

__all__ = [
    "Inputs",
    "any_tensor",
    "data_of",
    "first_tensor",
    "numbers_of",
    "several",
    "tensors_of",
    "values_of",
    "whole_examples",
]

MOST_FEATURES = 4_096
"""Features whose means and deviations are kept; of more, evenly spread ones."""

VALUES = 1_000_000
"""Values of a batch that are looked at; of a larger batch, evenly spread examples."""

MOST_INPUTS = 8
"""Batches of one step whose inputs are looked at: a rollout begins every time in the same state."""

FIRST_BATCHES = 8
"""Batches of which the size at the first layer is taken, and the distinct values are counted."""

COUNTED = 1_024
"""Values of a feature among which distinct ones are counted."""

CORRELATED = range(3, 129)
"""Numbers of features of a table whose correlations are looked at."""

VARIES = 1e-6
"""Deviation over a feature's size, and eigenvalue of correlations, below which there is nothing but rounding."""

EACH = 10
"""Observations for each feature, from which a matrix of correlations is not one of chance."""

KindOf = Literal["image", "table", "sequence", "ids", "other"]


def any_tensor(values: Any) -> Tensor | None:
    """The first tensor in nested tuples, lists and dictionaries, as the program holds it."""
    if type(values) is tuple and len(values) == 1:
        (values,) = values
    if type(values) is Tensor:  # as nearly always, and cheaply so
        return values
    return next(iter(tensors_of(values)), None)


def first_tensor(values: Any) -> Tensor | None:
    """The first tensor in nested tuples, lists and dictionaries; of one that is sharded over processes, our part.

    Passed over are those that several processes hold and of which nothing can be read here. A tensor that holds its
    own values is returned as it is, with its graph.
    """
    if type(values) is tuple and len(values) == 1:
        (values,) = values
    if type(values) is Tensor:
        return values
    return next(iter(_tensors(values)), None)


def several(values: Any) -> bool:
    """Whether examples come in several tensors of one length, in nested tuples, lists and dictionaries."""
    lengths = [tensor.shape[:1] for tensor in tensors_of(values)]
    return len(set(lengths)) < len(lengths)


def data_of(values: Any) -> list[Tensor]:
    """All tensors that can be read and through which no gradient flows, in nested tuples, lists and dictionaries.

    Examples:
        >>> noisy, time, hidden = torch.zeros(8, 2), torch.zeros(8), torch.zeros(8, 4, requires_grad=True)
        >>> [tuple(part.shape) for part in data_of((noisy, {"t": time}, hidden))]
        [(8, 2), (8,)]
    """
    return [tensor.detach() for tensor in _tensors(values) if not tensor.requires_grad and is_readable(tensor)]


def values_of(values: Any) -> list[Tensor]:
    """The values of all tensors that can be read, also of those with a gradient."""
    return [tensor.detach() for tensor in _tensors(values) if is_readable(tensor)]


def numbers_of(values: Any) -> Tensor | None:
    """The measured quantities of a batch: the first tensor or, where that holds ids, the columns of numbers beside it.

    Masks, of zeros and ones alone, are no quantities.

    Examples:
        >>> plan, income = torch.tensor([[2], [0]]), torch.tensor([[52_000.0], [31_000.0]])
        >>> numbers_of((plan, income)).tolist()
        [[52000.0], [31000.0]]
    """
    tensors = _tensors(values)
    if not tensors or tensors[0].is_floating_point() or not tensors[0].dim() or not is_readable(tensors[0]):
        return tensors[0] if tensors else None
    first, *others = tensors
    columns = [
        tensor.reshape(len(tensor), -1)
        for tensor in others
        if _is_column(tensor) and len(tensor) == len(first) and not _is_mask(tensor)
    ]
    return torch.cat(columns, dim=1).detach() if columns else first


def whole_examples(values: Any) -> Tensor | None:
    """What tells the examples of a batch apart: its first tensor, beside it all others of as many rows."""
    tensors = _tensors(values)
    if len(tensors) < 2 or not tensors[0].dim() or tensors[0].is_complex():
        return tensors[0] if tensors else None
    first, *others = tensors
    if not is_readable(first):
        return first
    rows = [first, *(t for t in others if is_readable(t) and t.dim() and len(t) == len(first) and not t.is_complex())]
    if len(rows) == 1 or any(tensor.device != first.device or not tensor.numel() for tensor in rows):
        return first
    return torch.cat([tensor.detach().reshape(len(first), -1).double() for tensor in rows], dim=1)


def _tensors(values: Any) -> list[Tensor]:
    """Those of which this process has the values, or that hold none at all but have a shape."""
    found: list[Tensor] = []
    for tensor in tensors_of(values):
        if type(tensor) is Tensor:
            found.append(tensor)
            continue
        here = tensor if is_readable(tensor) else values_here(tensor)
        if here is not None:
            found.append(here)
        elif not is_distributed(tensor) and not is_awaited(tensor):
            found.append(tensor)
    return found


def tensors_of(values: Any) -> list[Tensor]:
    """All tensors, in their order, as the program holds them."""
    found: list[Tensor] = []
    opened: set[int] = set()  # a list may hold itself
    waiting = [values]
    while waiting:
        value = waiting.pop()
        kind = type(value)  # a proxy of the user's may raise where it is asked for its class
        if issubclass(kind, Tensor):
            found.append(value)
        elif issubclass(kind, dict | tuple | list) and id(value) not in opened:
            opened.add(id(value))
            waiting += reversed(list(dict.values(value)) if issubclass(kind, dict) else list(value))
    return found


def _is_column(tensor: Tensor) -> bool:
    return is_readable(tensor) and tensor.is_floating_point() and 1 <= tensor.dim() <= 2


def _is_mask(tensor: Tensor) -> bool:
    values = tensor.detach()
    return bool(((values == 0) | (values == 1)).all())


class Inputs:
    """Accumulate mean and deviation of each feature.

    Args:
        view: What is known of the step.
    """

    measures = (signals.INPUT_MEAN, signals.INPUT_STD, signals.INPUT_NONFINITE, signals.BATCH_SIZE)
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._shape: tuple[int, ...] = ()
        self._kind: KindOf = "other"
        self._count = 0
        self._examples = 0
        self._entered = 0
        self._sums: Tensor | None = None
        self._squares: Tensor | None = None
        self._products: Tensor | None = None
        self._range: tuple[Tensor, Tensor] | None = None
        self._batch: dict[Signal, Tensor] = {}
        self._first_layer: list[Tensor] = []
        self._levels: list[Tensor] = []
        self._joined: list[Tensor] = []

    def begin(self) -> None:
        """A sampled step begins."""
        self._entered = 0

    def module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Take a batch that enters the model, and what reaches its first layer with weights."""
        view = self._view
        if not view.ran and view.weighted:
            # Whatever was done to it since it entered.
            first = first_tensor(inputs)
            if first is not None and (view.batch is None or first.numel() == view.batch.numel()):
                self.reach(first)
            elif first is not None and view.batch is not None and len(view.batch) == len(first):
                self.join(first)
        if view.entering and self._entered < MOST_INPUTS:
            numbers = numbers_of(inputs)
            if numbers is not None:
                self._entered += 1
                self.observe(numbers)

    def update(self, optimizer: object) -> Measurement | None:
        """Mean and deviation of the latest batch."""
        batch = self.batch()
        examples = self._view.examples

        def decode(numbers: list[list[float]]) -> dict[Signal, Any]:
            sample: dict[Signal, Any] = {s: value[0] for s, value in zip(batch, numbers, strict=True)}
            return sample if examples is None else {**sample, signals.BATCH_SIZE: float(examples)}

        return Measurement(list(batch.values()), decode)

    def facts(self) -> Iterator[facts.Inputs]:
        """All that the batches so far have shown."""
        fact = self.fact()
        if fact is not None:
            yield fact

    def reach(self, batch: Tensor) -> None:
        """Take what reaches the first layer with weights, of the first few batches."""
        readable = is_readable(batch) and batch.is_floating_point() and batch.numel()
        if len(self._first_layer) < FIRST_BATCHES and readable:
            self._first_layer.append(batch.detach().double().square().mean().sqrt())

    def join(self, batch: Tensor) -> None:
        """Take what inputs in several parts were joined to before the first layer with weights."""
        usual = is_readable(batch) and batch.is_floating_point() and batch.dim() > 1 and batch.numel()
        if not usual or batch.requires_grad or len(self._joined) >= FIRST_BATCHES:
            return
        some = batch.detach()[:: max(1, batch.numel() // VALUES)]
        features = _by_feature(some, _kind_of(some)).double()
        if not self._joined or self._joined[0].shape[1:] == features.shape[1:]:
            std, mean = torch.std_mean(features, dim=0, correction=0)
            self._joined.append(torch.stack([mean, mean.square() + std.square()]))

    def observe(self, batch: Tensor) -> None:
        """Take one batch, of shape (N, ...)."""
        if batch.is_nested:
            return
        self._shape = tuple(map(int, batch.shape))
        if not is_readable(batch):
            return
        batch = batch.detach()
        self._kind = _kind_of(batch)
        self._batch = {}
        if self._kind == "ids" or not batch.numel():
            return
        examples = batch[:: max(1, batch.numel() // VALUES)] if batch.dim() > 1 else batch
        features = _by_feature(examples, self._kind).double()
        low, high = torch.aminmax(features)
        # Of finite values, as nearly always, none has to be replaced or counted; an accelerator is not asked.
        known = features.is_cpu and math.isfinite(low) and math.isfinite(high)
        finite = features if known else torch.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0)
        sums, squares = finite.sum(dim=0), finite.square().sum(dim=0)
        if self._sums is None or self._squares is None or self._range is None or self._sums.shape != sums.shape:
            self._sums, self._squares, self._range = sums, squares, (low, high)
            self._count, self._examples = len(features), len(batch)
            self._products = None
        else:
            self._sums, self._squares = self._sums + sums, self._squares + squares
            self._range = (torch.minimum(self._range[0], low), torch.maximum(self._range[1], high))
            self._count, self._examples = self._count + len(features), self._examples + len(batch)
        if self._kind == "table" and finite.shape[1] in CORRELATED:
            products = finite.T @ finite
            self._products = products if self._products is None else self._products + products
        if len(self._levels) < FIRST_BATCHES:
            steps = finite[:COUNTED].sort(dim=0).values.diff(dim=0)
            self._levels.append((steps != 0).sum(dim=0).max() + 1)
        std, mean = torch.std_mean(finite, correction=0)
        nonfinite = torch.zeros(()) if known else (~examples.isfinite()).sum()
        self._batch = {signals.INPUT_MEAN: mean, signals.INPUT_STD: std, signals.INPUT_NONFINITE: nonfinite}

    def batch(self) -> dict[Signal, Tensor]:
        """The latest batch's numbers by signal, one-element tensors; each batch is handed out once."""
        batch, self._batch = self._batch, {}
        return batch

    def fact(self) -> facts.Inputs | None:
        """All that the batches so far have shown; None before the first."""
        if not self._shape:
            return None
        if self._sums is None or self._squares is None or self._range is None:
            return facts.Inputs(shape=self._shape, kind_of=self._kind, examples=0, minimum=0.0, maximum=0.0)
        means = self._sums / self._count
        stds = (self._squares / self._count - means.square()).clamp_min(0.0).sqrt()
        reached = torch.stack(self._first_layer).median().item() if self._first_layer else None
        stride = -(-len(means) // MOST_FEATURES)
        joined = self._moments_joined()
        low, high = map(float, self._range)
        return facts.Inputs(
            shape=self._shape,
            kind_of=self._kind,
            examples=self._examples,
            minimum=low,
            maximum=high,
            feature_means=tuple(means[::stride].tolist()),
            feature_stds=tuple(stds[::stride].tolist()),
            first_layer=reached,
            joined_means=joined[0],
            joined_stds=joined[1],
            levels=int(torch.stack(self._levels).max()) if self._levels else None,
            correlated=self._correlated(means, stds),
        )

    def _moments_joined(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if not self._joined:
            return (), ()
        mean, square = torch.stack(self._joined).mean(dim=0)[:, :MOST_FEATURES].nan_to_num()
        return tuple(mean.tolist()), tuple((square - mean.square()).clamp_min(0.0).sqrt().tolist())

    def _correlated(self, means: Tensor, stds: Tensor) -> float | None:
        """Greatest over median eigenvalue of the correlations between the features that vary."""
        vary = stds > VARIES * (means.abs() + stds)
        if self._products is None or self._count < EACH * len(means) or int(vary.sum()) not in CORRELATED:
            return None
        covariance = self._products / self._count - torch.outer(means, means)
        correlation = (covariance / torch.outer(stds, stds))[vary][:, vary]
        eigenvalues = torch.linalg.eigvalsh(correlation.cpu())
        return float(eigenvalues[-1] / eigenvalues.median().clamp_min(VARIES))


def _kind_of(batch: Tensor) -> KindOf:
    if not batch.is_floating_point():
        return "ids"
    kinds: dict[int, KindOf] = {2: "table", 3: "sequence", 4: "image"}
    return kinds.get(batch.dim(), "other")


def _by_feature(batch: Tensor, kind: KindOf) -> Tensor:
    """Shape (observations, features): channels of images, the last dimension of tables and sequences."""
    if kind == "image":
        return batch.movedim(1, -1).reshape(-1, batch.shape[1])
    if kind in ("table", "sequence"):
        return batch.reshape(-1, batch.shape[-1])
    return batch.reshape(-1, 1)
