"""What is checked before a training, and how it is left as it was found."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.optim import Optimizer
from torch.utils import _pytree as pytree

from unstuck.errors import ArgumentError, DataError
from unstuck.preflight.arrangement import Each, LossFunction, arrange, called, size
from unstuck.preflight.generators import generators_of, kept_generators, seed_generators

__all__ = [
    "Batch",
    "LossFunction",
    "Penalty",
    "Subject",
    "called",
    "copied",
    "is_batch",
    "joined",
    "untouched",
    "without_dropout",
]

ENOUGH = 2048
"""Examples after which no more are read: sampling errors are then 2% of the spread."""

Batch = tuple[Any, Any]
Penalty = Callable[[nn.Module], Tensor]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A training that is about to begin.

    Attributes:
        model: The model.
        loss: Of outputs and targets.
        declared: The loss as it was given: a function, a module, or None where the model returns its loss.
        label: Where in the inputs the targets stand too, of a model that takes them; None where they do not.
        judges: Whether the loss looks at the targets.
        how: How batches were divided and the loss was called, where that was not as usual.
        batches: Batches of inputs and targets, at most 2,048 examples in all.
        validation: The same of the validation part; empty where there is none.
        optimizer: What will move the parameters; None where it is not known.
        regularisation: A penalty that training adds; None where there is none.
        exclude: Names or patterns of parameters whose gradient differs on purpose from the derivative.
        seed: Seed of whatever a check draws.
    """

    model: nn.Module
    loss: LossFunction
    batches: Sequence[Batch]
    declared: object = None
    label: str | int | None = None
    judges: bool = True
    how: str = ""
    validation: Sequence[Batch] = ()
    optimizer: Optimizer | None = None
    regularisation: Penalty | None = None
    exclude: Sequence[str] = ()
    seed: int = 0

    @classmethod
    def of(
        cls,
        model: object,
        loss: object,
        data: object,
        *,
        optimizer: Optimizer | None = None,
        validation: object = None,
        regularisation: Penalty | None = None,
        exclude: Sequence[str] = (),
        seed: int = 0,
    ) -> Subject:
        """Read what is needed of the data: one batch, or batches to iterate over.

        Args:
            model: A module.
            loss: Of outputs and targets; None where the model returns its loss, as those of Hugging Face do.
            data: A batch, or batches to iterate over, such as a loader. A batch is a pair of inputs and targets, a
                mapping that the model takes by name with its labels, inputs alone (which are targets too), or several
                tensors: all but the last for the model, or all of them. Which it is, is tried on the first batch.
            optimizer: What will move the parameters.
            validation: As ``data``.
            regularisation: A penalty that training adds.
            exclude: As :func:`unstuck.check_gradients` takes it.
            seed: Seed of whatever a check draws.

        Raises:
            ArgumentError: The model is no module, the loss no function, or the data hold no batches.
            DataError: There is no batch.
        """
        if not isinstance(model, nn.Module):
            raise ArgumentError(f"model={type(model).__name__}: a torch.nn.Module is accepted")
        if loss is not None and not callable(loss):
            raise ArgumentError(
                f"loss={loss!r}: a function of outputs and targets is accepted, or None where the model returns it"
            )
        _validate(optimizer=optimizer, regularisation=regularisation, exclude=exclude, seed=seed)
        given = _read("data", data)
        if not given:
            raise DataError("data: there is no batch in it; give at least one example")
        found = arrange(model, cast("LossFunction | None", loss), given[0])
        return cls(
            model=Each(model) if found.each else model,
            loss=found.loss,
            declared=loss,
            label=found.label,
            judges=found.judges,
            how=found.how,
            batches=[found.split(batch) for batch in given],
            validation=() if validation is None else [found.split(b) for b in _read("validation", validation)],
            optimizer=optimizer,
            regularisation=regularisation,
            exclude=exclude,
            seed=seed,
        )

    @property
    def first(self) -> Batch:
        """A copy of the first batch, for a model may change its inputs in place."""
        return copied(self.batches[0])

    @property
    def one(self) -> Any:
        """The inputs of one example; of all that were given together where some part has no row for each."""
        joint = joined(self.batches[:1])
        return self.first[0] if joint is None else pytree.tree_map(lambda leaf: leaf[:1].clone(), joint)[0]

    @property
    def examples(self) -> Batch | None:
        """All examples read, as one batch; None where some part has no row for each example, as a graph's edges."""
        return joined(self.batches)

    @property
    def held_out(self) -> Batch | None:
        """The same of the validation part."""
        return joined(self.validation)

    def labelled(self, inputs: Any, targets: Any) -> Any:
        """Inputs in which the targets stand, where the model takes them."""
        if self.label is None:
            return inputs
        if isinstance(inputs, Mapping):
            return {**inputs, self.label: targets}
        parts = list(cast("Sequence[Any]", inputs))
        parts[cast("int", self.label)] = targets
        return tuple(parts)

    def unlabelled(self, inputs: Any) -> Any:
        """Inputs without the targets."""
        if self.label is None:
            return inputs
        if isinstance(inputs, Mapping):
            return {key: value for key, value in inputs.items() if key != self.label}
        return tuple(value for i, value in enumerate(cast("Sequence[Any]", inputs)) if i != self.label)

    def twin(self) -> nn.Module:
        """A copy of the model to train or to change."""
        return copy.deepcopy(self.model)

    def seeded(self) -> None:
        """Set the generators, before something random."""
        seed_generators(self.seed)


def copied(batch: Batch) -> Batch:
    """The same batch in tensors of its own."""
    return pytree.tree_map_only(Tensor, torch.clone, batch)  # pyright: ignore[reportUnknownMemberType]


def _validate(*, optimizer: object, regularisation: object, exclude: object, seed: object) -> None:
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer={optimizer!r}: an optimizer of torch.optim is accepted")
    if regularisation is not None and not callable(regularisation):
        raise ArgumentError(f"regularisation={regularisation!r}: a function of the model is accepted")
    if isinstance(exclude, str) or not isinstance(exclude, Sequence):
        raise ArgumentError(f"exclude={exclude!r}: a list of names or patterns is accepted, such as ['encoder.*']")
    if type(seed) is not int or seed < 0:
        raise ArgumentError(f"seed={seed!r}: a whole number from 0 is accepted")


def joined(batches: Sequence[Batch]) -> Batch | None:
    """Batches one behind the other; None where they do not fit each other, or have no row for each example."""
    if not batches:
        return None
    trees = [pytree.tree_flatten(batch) for batch in batches]
    for leaves, spec in trees:
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if spec != trees[0][1] or len(tensors) != len(leaves) or any(not t.ndim for t in tensors):
            return None
        if len({len(t) for t in tensors}) != 1:
            return None
    columns = list(zip(*(leaves for leaves, _ in trees), strict=True))
    if any(len({(leaf.shape[1:], leaf.dtype, leaf.device) for leaf in column}) != 1 for column in columns):
        return None
    return cast("Batch", pytree.tree_unflatten([torch.cat(column) for column in columns], trees[0][1]))


def _read(name: str, data: object) -> list[Any]:
    """Batches as they were given, at most 2,048 examples."""
    if is_batch(data):
        return [data]
    if not isinstance(data, Iterable):
        raise ArgumentError(
            f"{name}={type(data).__name__}: a batch (inputs, targets) or a loader of such batches is accepted"
        )
    batches: list[Any] = []
    count = 0
    with kept_generators(generators_of(data)):
        for batch in cast("Iterable[Any]", data):
            if not isinstance(batch, tuple | list | Mapping | Tensor):
                raise ArgumentError(
                    f"{name}: it gives {type(batch).__name__}; batches (inputs, targets) or mappings are accepted"
                )
            batches.append(batch)
            count += size(batch)
            if count >= ENOUGH:
                break
    return batches


def is_batch(data: object) -> bool:
    """Whether data are one batch: a tensor, a mapping, or a sequence that begins or ends with a tensor.

    Three tensors and more of one kind in a list are batches of inputs; in a tuple they are one batch.
    """
    if isinstance(data, Tensor | Mapping):
        return True
    parts = cast("Sequence[Any]", data) if isinstance(data, tuple | list) else ()
    if isinstance(data, list) and len(parts) > 2 and all(isinstance(part, Tensor) for part in parts):
        return len({(part.shape[1:], part.dtype) for part in parts}) > 1
    return len(parts) > 0 and any(isinstance(part, Tensor) for part in (parts[0], parts[-1]))


@contextmanager
def untouched(subject: Subject) -> Generator[None]:
    """Put back parameters, gradients, buffers, modes, the optimizer's state and the generators on leaving."""
    model = subject.model
    modes = [(module, module.training) for module in model.modules()]
    parameters = [
        (p, p.detach().clone(), p.grad, None if p.grad is None else p.grad.clone()) for p in model.parameters()
    ]
    entries = [(m._buffers, dict(m._buffers)) for m in model.modules()]  # pyright: ignore[reportPrivateUsage]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    try:
        with kept_generators(), torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # training will warn of the same
            yield
    finally:
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for parameter, value, grad, kept in parameters:
                if not parameter.is_meta and not torch.equal(parameter, value):
                    parameter.copy_(value)
                parameter.grad = grad
                if grad is not None and kept is not None:
                    grad.copy_(kept)
            for present, former in entries:
                present.clear()
                present.update(former)
            for buffer, value in buffers:
                buffer.copy_(value)


def without_dropout(model: nn.Module) -> nn.Module:
    """Switch dropout off and all else to training."""
    model.train()
    for module in model.modules():
        if isinstance(module, _DropoutNd):
            module.eval()
        elif isinstance(module, nn.RNNBase | nn.MultiheadAttention):
            module.dropout = 0.0
    return model
