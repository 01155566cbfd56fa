"""How batches, model and loss fit together: which parts of a batch go where, found by trying on the first one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.init.quiet import call, undisturbed

__all__ = ["Arrangement", "LossFunction", "arrange", "called", "main_output", "returned_loss", "size", "takes"]

LABELS = ("labels", "label", "targets", "target", "y")
"""Names under which a batch by name holds what is to be predicted."""
SCORES = ("logits", "prediction", "predictions", "output", "outputs")
"""Names under which outputs by name hold what the loss is taken of."""

WHOLE = ("all of a batch are inputs", "all of a batch are inputs, and the model is called on each")
"""How batches without targets are taken, as of triplets: a loss that takes the outputs alone then comes first."""

LossFunction = Callable[[Any, Any], Tensor]
Split = Callable[[Any], tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """How a batch meets model and loss.

    Attributes:
        split: Inputs and targets of a batch as it was given.
        loss: The loss of outputs and targets.
        label: Where in the inputs the targets stand too, of a model that takes them: a key or a position; None where
            they do not.
        each: Whether the model is called on each part of the inputs by itself.
        judges: Whether the loss looks at the targets.
        how: What was done, in words; empty where model and loss were called as they are.
    """

    split: Split
    loss: LossFunction
    label: str | int | None = None
    each: bool = False
    judges: bool = True
    how: str = ""


class Each(nn.Module):
    """A model that is called on every part of its inputs, as the towers of a triplet loss are."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *parts: Tensor) -> tuple[Any, ...]:
        """Outputs of all parts."""
        return tuple(self.model(part) for part in parts)


def arrange(model: nn.Module, loss: LossFunction | None, batch: Any) -> Arrangement:
    """The first arrangement under which the batch gives one number; the first of all where none does."""
    first: Arrangement | None = None
    for arrangement in _arrangements(loss, batch):
        first = first or arrangement
        if _runs(model, arrangement, batch):
            return arrangement
    assert first is not None
    return first


def called(model: nn.Module, inputs: Any) -> Any:
    """Call the model on a copy of its inputs: a tensor, a tuple of arguments or a mapping of keyword arguments."""
    apart = isinstance(inputs, Tensor | Mapping) or type(cast("object", inputs)) in (tuple, list)
    return call(model, inputs) if apart else model(inputs)


def size(tree: Any) -> int:
    """Examples in nested tensors: the leading dimension of the first that has one; 1 where none has."""
    leaves = [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor) and leaf.ndim]
    return len(leaves[0]) if leaves else 1


def takes(model: nn.Module, inputs: Any) -> bool:
    """Whether the model runs on these inputs: one of a graph does not take a part of its examples."""
    try:
        with undisturbed(model):
            called(model, inputs)
    except Exception:  # a model may raise anything
        return False
    return True


def main_output(outputs: Any) -> Tensor | None:
    """The tensor that a loss would be taken of: the outputs, their scores by name, or the first of several."""
    if isinstance(outputs, Tensor):
        return outputs
    named = _by_name(outputs)
    for key in SCORES:
        if isinstance(named.get(key), Tensor):
            return cast("Tensor", named[key])
    leaves: list[Any] = list(named.values()) or (
        list(cast("Sequence[Any]", outputs)) if isinstance(outputs, tuple | list) else []
    )
    return next((v for v in leaves if isinstance(v, Tensor) and v.is_floating_point() and v.ndim > 0), None)


def returned_loss(outputs: Any, targets: Any = None) -> Tensor:
    """The loss that a model returns: a number, ``loss`` of its outputs, the number among several, or the sum of all.

    Raises:
        TypeError: There is none.
    """
    if isinstance(outputs, Tensor) and outputs.numel() == 1:
        return outputs
    named = _by_name(outputs)
    if isinstance(named.get("loss"), Tensor):
        return cast("Tensor", named["loss"])
    if isinstance(outputs, tuple | list) and outputs:
        several = cast("Sequence[Any]", outputs)
        numbers = [value for value in several if isinstance(value, Tensor) and value.ndim == 0]
        return numbers[0] if numbers else returned_loss(several[0])
    numbers = [value for value in named.values() if isinstance(value, Tensor) and value.numel() == 1]
    if numbers and len(numbers) == len(named):
        return torch.stack([number.reshape(()) for number in numbers]).sum()
    raise TypeError(
        f"no loss is given, and the model returns none but {type(outputs).__name__}; give a loss of outputs and "
        "targets, or a model that takes the targets and returns the loss"
    )


def _by_name(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return {str(key): value for key, value in cast("Mapping[Any, Any]", outputs).items()}
    fields = getattr(outputs, "_fields", None) or getattr(outputs, "__dataclass_fields__", ())
    return {str(key): getattr(outputs, key) for key in fields}


def _runs(model: nn.Module, arrangement: Arrangement, batch: Any) -> bool:
    try:
        inputs, targets = arrangement.split(copy.copy(batch))
        with undisturbed(model):
            value = arrangement.loss(called(Each(model) if arrangement.each else model, inputs), targets)
    except Exception:  # a model may raise anything: this arrangement is not the one
        return False
    return isinstance(cast("object", value), Tensor) and value.numel() == 1


def _arrangements(loss: LossFunction | None, batch: Any) -> Iterator[Arrangement]:
    """Ways to divide the batch, the usual one first, each with the ways to call the loss."""
    for split, label, each, how in _splits(batch, returned=loss is None):
        if loss is None:
            judges = label is not None
            yield Arrangement(split=split, loss=returned_loss, label=label, each=each, judges=judges, how=how)
            continue
        for wrapped, judges, words in sorted(_calls(loss), key=itemgetter(1)) if how in WHOLE else _calls(loss):
            joined = "; ".join(word for word in (how, words) if word)
            yield Arrangement(split=split, loss=wrapped, label=label, each=each, judges=judges, how=joined)


Way = tuple[Split, "str | int | None", bool, str]


def _splits(batch: Any, *, returned: bool) -> Iterator[Way]:
    if isinstance(batch, Mapping):
        yield from _splits_by_name(cast("Mapping[str, Any]", batch), returned=returned)
    elif isinstance(batch, tuple | list) and len(cast("Sequence[Any]", batch)) > 1:
        yield from _splits_by_place(len(cast("Sequence[Any]", batch)), returned=returned)
    else:
        alone: Split = lambda given: (_only(given), _only(given))  # noqa: E731
        yield alone, None, False, "inputs are targets too"


def _splits_by_name(batch: Mapping[str, Any], *, returned: bool) -> Iterator[Way]:
    key = next((name for name in LABELS if name in batch), None)
    if key is None:
        yield lambda given: (dict(given), _first(given)), None, False, "called by name"
        return
    without: Split = lambda given: ({k: v for k, v in given.items() if k != key}, given[key])  # noqa: E731
    whole: Split = lambda given: (dict(given), given[key])  # noqa: E731
    ways: list[Way] = [
        (without, None, False, f"targets are {key!r}"),
        (whole, key, False, f"targets are {key!r}, which the model takes too"),
        (lambda given: ((dict(given),), given[key]), None, False, f"the model takes the batch; targets are {key!r}"),
    ]
    yield from (ways[1], ways[0], ways[2]) if returned else ways


def _splits_by_place(count: int, *, returned: bool) -> Iterator[Way]:
    last: Split = lambda given: (given[0] if count == 2 else tuple(given[:-1]), given[-1])  # noqa: E731
    everything: Split = lambda given: (tuple(given), given[-1])  # noqa: E731
    if returned:
        yield everything, count - 1, False, "the model takes the targets too"
    yield (
        last,
        None,
        False,
        "" if count == 2 else f"the first {count - 1} of a batch are inputs, the last is the target",
    )
    if count > 2:
        yield lambda given: (given[0], tuple(given[1:])), None, False, "the first of a batch is the input"
    for each, how in enumerate(WHOLE):
        yield everything, None, bool(each), how


def _calls(loss: LossFunction) -> Iterator[tuple[LossFunction, bool, str]]:
    free = cast("Callable[..., Tensor]", loss)
    yield loss, True, ""
    yield lambda outputs, targets: free(*_several(outputs), targets), True, "the loss takes the outputs one by one"
    yield lambda outputs, targets: free(_main(outputs), targets), True, "the loss takes the first of the outputs"
    yield lambda outputs, targets: free(outputs, *_several(targets)), True, "the loss takes the targets one by one"
    yield lambda outputs, _: free(outputs), False, "the loss takes the outputs alone"
    yield lambda outputs, _: free(*_several(outputs)), False, "the loss takes the outputs alone, one by one"


def _several(tree: Any) -> tuple[Any, ...]:
    if not isinstance(tree, tuple | list):
        raise TypeError("not several")
    return tuple(cast("Sequence[Any]", tree))


def _main(outputs: Any) -> Tensor:
    found = None if isinstance(outputs, Tensor) else main_output(outputs)
    if found is None:
        raise TypeError("no tensor among the outputs")
    return found


def _only(batch: Any) -> Any:
    return cast("Sequence[Any]", batch)[0] if isinstance(batch, tuple | list) else batch


def _first(batch: Mapping[str, Any]) -> Any:
    return next((value for value in batch.values() if isinstance(value, Tensor)), torch.zeros(1))
