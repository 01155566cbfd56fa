"""Evaluate with the same random numbers each time, in float64, and put back what was found."""

from __future__ import annotations

import random
import warnings
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["seed_all", "steady"]


def seed_all(seed: int) -> None:
    """Set every global generator: torch's on all devices in use, Python's and NumPy's."""
    # torch.manual_seed would queue a call for every device that was never used, to be made when it is.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


@contextmanager
def steady(dtype: torch.dtype) -> Generator[None]:
    """Compute in ``dtype`` by default, and put back the default, the generators and the fast paths on leaving.

    The fused paths of attention run in evaluation only; with them the two sides of a comparison would run other code.
    """
    default, python, numpy = torch.get_default_dtype(), random.getstate(), np.random.get_state()
    fast = torch.backends.mha.get_fastpath_enabled()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices=devices), torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model that warns would do so thousands of times
            torch.set_default_dtype(dtype)
            torch.backends.mha.set_fastpath_enabled(False)
            yield
    finally:
        torch.set_default_dtype(default)
        torch.backends.mha.set_fastpath_enabled(fast)
        random.setstate(python)
        np.random.set_state(numpy)
