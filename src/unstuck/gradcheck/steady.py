"""Evaluate with the same random numbers each time, in float64, and put back what was found."""

from __future__ import annotations

import random
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

import numpy as np
import torch
from torch.utils._device import DeviceContext
from torch.utils._python_dispatch import _disable_current_modes  # pyright: ignore[reportPrivateUsage]

__all__ = ["aside", "seed_all", "steady"]


def seed_all(seed: int) -> None:
    """Set every global generator: torch's on all devices in use, Python's and NumPy's."""
    # torch.manual_seed would queue a call for every device that was never used, to be made when it is.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


@contextmanager
def steady(dtype: torch.dtype | None) -> Generator[None]:
    """Compute in ``dtype`` by default, and put back the default, the generators and the fast paths on leaving.

    The default type is that of all threads; None leaves it, for a check within a program that goes on. The fused paths
    of attention run in evaluation only; with them the two sides of a comparison would run other code.
    """
    default, python, numpy = torch.get_default_dtype(), random.getstate(), np.random.get_state()
    fast = torch.backends.mha.get_fastpath_enabled()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices=devices), torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model that warns would do so thousands of times
            torch.set_default_dtype(dtype or default)
            torch.backends.mha.set_fastpath_enabled(False)
            yield
    finally:
        torch.set_default_dtype(default)
        torch.backends.mha.set_fastpath_enabled(fast)
        random.setstate(python)
        np.random.set_state(numpy)


class _Muted:
    """A stream that does not get what one thread writes."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._thread else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def aside() -> Generator[None]:
    """Compute aside from a program that goes on: print nothing, and let none of its modes see what is computed."""
    with (
        redirect_stdout(cast("TextIO", _Muted(sys.stdout))),
        redirect_stderr(cast("TextIO", _Muted(sys.stderr))),
        _disable_current_modes(),
    ):
        modes: list[Any] = []
        while torch._C._len_torch_function_stack():  # pyright: ignore
            modes.append(torch._C._pop_torch_function_stack())  # pyright: ignore
        devices = [mode for mode in modes if isinstance(mode, DeviceContext)]  # they are where new tensors go
        try:
            with ExitStack() as stack:
                for mode in devices:
                    stack.enter_context(DeviceContext(mode.device))
                yield
        finally:
            for mode in reversed(modes):
                torch._C._push_on_torch_function_stack(mode)  # pyright: ignore
