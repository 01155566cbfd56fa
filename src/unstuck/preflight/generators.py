"""The generators that a training draws from: the global ones, and those of its loader; kept, put back, or set."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Own", "generators_of", "kept_generators", "seed_generators"]

Own = torch.Generator | np.random.Generator | np.random.RandomState | random.Random
"""A generator that is not one of the global ones."""

DEPTH = 3
"""How far from a loader its generators may lie: of its batch sampler's sampler, of its data set's transform."""


def generators_of(data: object) -> list[Own]:
    """The generators that a loader holds: itself, its samplers, its data set, their transforms.

    Examples:
        >>> loader = torch.utils.data.DataLoader(range(4), shuffle=True, generator=torch.Generator())
        >>> [type(generator).__name__ for generator in generators_of(loader)]
        ['Generator']
    """
    found: dict[int, Own] = {}
    seen: set[int] = set()

    def look(holder: object, depth: int) -> None:
        if id(holder) in seen:
            return
        seen.add(id(holder))
        if isinstance(holder, Own):
            found[id(holder)] = holder
            return
        attributes = getattr(holder, "__dict__", None)
        if depth and isinstance(attributes, dict) and not isinstance(holder, Tensor | nn.Module | type):
            for value in tuple(attributes.values()):
                look(value, depth - 1)

    look(data, DEPTH + 1)
    return list(found.values())


@contextmanager
def kept_generators(own: Iterable[Own] = ()) -> Generator[None]:
    """Put back the global generators of torch, Python and NumPy, and some others, on leaving."""
    python, numpy = random.getstate(), np.random.get_state()
    restore = [_restoring(generator) for generator in own]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        for put_back in restore:
            put_back()


def seed_generators(seed: int, own: Iterable[Own] = ()) -> None:
    """Set the global generators, and some others.

    Args:
        seed: From 0.
        own: The others.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    for generator in own:
        if isinstance(generator, torch.Generator):
            generator.manual_seed(seed)
        elif isinstance(generator, np.random.Generator):
            generator.bit_generator.state = type(generator.bit_generator)(seed).state
        else:
            generator.seed(seed % 2**32)


def _restoring(generator: Own) -> Callable[[], Any]:
    """What puts a generator back to where it is now."""
    if isinstance(generator, np.random.Generator):
        bits, kept = generator.bit_generator, generator.bit_generator.state

        def put_back() -> None:
            bits.state = kept

        return put_back
    if isinstance(generator, random.Random):
        python = generator.getstate()
        return lambda: generator.setstate(python)
    state: Any = generator.get_state()
    return lambda: generator.set_state(state)
