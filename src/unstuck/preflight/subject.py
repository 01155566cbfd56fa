"""What is checked before a training, and how it is left as it was found."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.optim import Optimizer
from torch.utils import _pytree as pytree

from unstuck.errors import ArgumentError, DataError
from unstuck.init.quiet import call

__all__ = ["Batch", "LossFunction", "Penalty", "Subject", "called", "copied", "untouched", "without_dropout"]

ENOUGH = 2048
"""Examples after which no more are read: sampling errors are then 2% of the spread."""

Batch = tuple[Any, Tensor]
LossFunction = Callable[[Any, Tensor], Tensor]
Penalty = Callable[[nn.Module], Tensor]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A training that is about to begin.

    Attributes:
        model: The model.
        loss: Of outputs and targets.
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
        data: Batch | Iterable[Batch],
        *,
        optimizer: Optimizer | None = None,
        validation: Batch | Iterable[Batch] | None = None,
        regularisation: Penalty | None = None,
        exclude: Sequence[str] = (),
        seed: int = 0,
    ) -> Subject:
        """Read what is needed of the data: one batch, or batches to iterate over.

        Raises:
            ArgumentError: The model is no module, or the data hold no pairs.
            DataError: There is no batch.
        """
        if not isinstance(model, nn.Module):
            raise ArgumentError(f"model={type(model).__name__}: a torch.nn.Module is accepted")
        if not callable(loss):
            raise ArgumentError(f"loss={loss!r}: a function of outputs and targets is accepted")
        batches = _read(data)
        if not batches:
            raise DataError("data: there is no batch in it; give at least one example")
        return cls(
            model=model,
            loss=cast("LossFunction", loss),
            batches=batches,
            validation=() if validation is None else _read(validation),
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
    def examples(self) -> tuple[Tensor, Tensor] | None:
        """All examples read as two tensors; None where inputs are no tensors of one shape."""
        inputs, targets = zip(*self.batches, strict=True)
        if not all(isinstance(x, Tensor) and y.ndim for x, y in self.batches):
            return None
        if len({(x.shape[1:], y.shape[1:]) for x, y in self.batches}) != 1:
            return None
        return torch.cat(inputs), torch.cat(targets)

    def twin(self) -> nn.Module:
        """A copy of the model to train or to change."""
        return copy.deepcopy(self.model)

    def seeded(self) -> None:
        """Set the generators, before something random."""
        torch.default_generator.manual_seed(self.seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(self.seed)
        random.seed(self.seed)
        np.random.seed(self.seed % 2**32)


def called(model: nn.Module, inputs: Any) -> Any:
    """Call the model on a copy of its inputs: a tensor, a tuple of arguments or a mapping of keyword arguments."""
    apart = isinstance(inputs, Tensor | Mapping) or type(cast("object", inputs)) in (tuple, list)
    return call(model, inputs) if apart else model(inputs)


def copied(batch: Batch) -> Batch:
    """The same batch in tensors of its own."""
    return pytree.tree_map_only(Tensor, torch.clone, batch)  # pyright: ignore[reportUnknownMemberType]


def _read(data: Batch | Iterable[Batch]) -> list[Batch]:
    if isinstance(data, tuple | list):
        entries = cast("Sequence[Any]", data)
        if len(entries) == 2 and isinstance(entries[1], Tensor):
            return [(entries[0], entries[1])]
    batches: list[Batch] = []
    count = 0
    with _loader_kept(data):
        for batch in cast("Iterable[Any]", data):
            if not isinstance(batch, tuple | list) or len(cast("Sequence[Any]", batch)) != 2:
                raise ArgumentError(f"data: it gives {type(batch).__name__}; batches (inputs, targets) are accepted")
            pair = cast("Batch", tuple(cast("Sequence[Any]", batch)))
            batches.append(pair)
            count += len(pair[1]) if pair[1].ndim else 1
            if count >= ENOUGH:
                break
    return batches


@contextmanager
def _loader_kept(data: object) -> Generator[None]:
    """Put back the generators that a loader draws its order from."""
    places = (data, getattr(data, "sampler", None), getattr(getattr(data, "batch_sampler", None), "sampler", None))
    found = [getattr(place, name, None) for place in places for name in ("generator", "_generator")]
    states = [(one, one.get_state()) for one in found if isinstance(one, torch.Generator)]
    with kept_generators():
        try:
            yield
        finally:
            for one, state in states:
                one.set_state(state)


@contextmanager
def kept_generators() -> Generator[None]:
    """Put back the global generators of torch, Python and NumPy."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


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
