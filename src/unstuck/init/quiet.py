"""Run a model for a look at it, and leave no trace."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def undisturbed(model: nn.Module) -> Generator[None, None, None]:
    """Put back modes, buffers and the state of every random generator on leaving; gradients are not recorded."""
    modes = [(module, module.training) for module in model.modules()]
    # The entries themselves, for a forward pass may replace a buffer, or register one.
    entries = [(module._buffers, dict(module._buffers)) for module in model.modules()]  # pyright: ignore[reportPrivateUsage]
    values = [(buffer, buffer.clone()) for buffer in model.buffers()]
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for module, training in modes:
            module.training = training
        for present, former in entries:
            present.clear()
            present.update(former)
        for buffer, value in values:
            buffer.copy_(value)


def uncompiled(model: nn.Module) -> nn.Module:
    """Return the model that ``torch.compile`` wrapped, or the model itself: a look needs the eager forward pass."""
    return cast("nn.Module", getattr(model, "_orig_mod", model))


def call(model: nn.Module, batch: object) -> object:
    """Call the model, uncompiled, on a copy of the batch, because a model may begin with an operation in place.

    A batch is a tensor, a tuple or list of positional arguments, or a mapping of keyword arguments.
    """
    model = uncompiled(model)
    if isinstance(batch, Mapping):
        return model(**{str(key): _copied(value) for key, value in cast("Mapping[str, Any]", batch).items()})
    if isinstance(batch, (tuple, list)):
        return model(*(_copied(value) for value in cast("tuple[Any, ...]", batch)))
    if isinstance(batch, Tensor):
        return model(_copied(batch))
    raise TypeError(
        "a batch must be a tensor, a tuple of the model's positional arguments or a dict of its keyword arguments, "
        f"got {type(batch).__name__}"
    )


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
