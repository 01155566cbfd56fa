"""The best weights so far, and when to stop hoping for better ones."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.errors import RunWriteError
from unstuck.optional import require
from unstuck.train.tally import Means

__all__ = ["BEST_WEIGHTS", "Best", "save_weights", "weights_format"]

BEST_WEIGHTS = "best.safetensors"
"""Name of the file of the best weights inside a run's folder."""


def weights_format() -> Any:
    """The library that reads and writes files of weights.

    Raises:
        MissingPackageError: safetensors is not installed.
    """
    purpose = "files of weights"
    require("safetensors.torch", extra="train", purpose=purpose)  # which the package does not import by itself
    return require("safetensors", extra="train", purpose=purpose)


class Best:
    """Keep the weights of the best epoch, in memory and, if a file is given, on disk.

    An epoch is better if its accuracy is higher, or its loss lower where there are no classes. Of two of equal
    accuracy the one of lower loss is kept, but does not count as hope.

    Args:
        model: Its parameters and buffers are copied at each better epoch.
        patience: Epochs without a better one after which training should stop; None never stops.
        file: Where the weights are kept as safetensors; the file is replaced as a whole or not at all.

    Raises:
        MissingPackageError: A file is given, and safetensors is not installed.

    Attributes:
        epoch: The best epoch, from 1; 0 before the first.
        means: What it was worth.
    """

    def __init__(self, model: nn.Module, *, patience: int | None = None, file: Path | None = None) -> None:
        self.epoch = 0
        self.means: Means | None = None
        self._model = model
        self._patience = patience
        self._file = file
        if file:
            weights_format()  # better missed now than at the end of the first epoch
        self._hoped = 0
        self._state: dict[str, Tensor] = {}

    def offer(self, epoch: int, means: Means) -> None:
        """Tell what the weights are worth after an epoch; they are kept if they are the best.

        Raises:
            RunWriteError: The file cannot be written; the one before it is still whole.
        """
        key, old = _key(means), _key(self.means)
        if key[0] > old[0]:
            self._hoped = epoch
        if key > old:
            self.epoch, self.means = epoch, means
            self._copy()
            if self._file:
                save_weights(self._state, self._file)

    def hopeless(self, epoch: int) -> bool:
        """Whether no epoch was better for as long as patience lasts."""
        return self._patience is not None and epoch - self._hoped >= self._patience

    def restore(self) -> None:
        """Give the model the best weights back, if there were any."""
        if self._state:
            self._model.load_state_dict(self._state)

    def close(self) -> None:
        """Write the last weights where no epoch could be judged, so that training leaves a file all the same.

        Raises:
            RunWriteError: The file cannot be written.
        """
        if self._file and not self._state:
            self._copy()
            save_weights(self._state, self._file)

    def _copy(self) -> None:
        state = {name: value.detach() for name, value in self._model.state_dict().items() if isinstance(value, Tensor)}
        if self._state.keys() == state.keys():
            for name, value in state.items():
                self._state[name].copy_(value)
        else:
            self._state = {name: value.clone(memory_format=torch.contiguous_format) for name, value in state.items()}


def save_weights(state: dict[str, Tensor], file: Path) -> None:
    """Write weights as safetensors; the file is replaced as a whole or not at all.

    Raises:
        RunWriteError: It cannot be written; the one before it, if any, is whole.
        MissingPackageError: safetensors is not installed.
    """
    library = weights_format()
    unfinished = file.with_name(f".{file.name}.part")
    try:
        library.torch.save_file(state, unfinished)
        os.replace(unfinished, file)
    except (OSError, library.SafetensorError) as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise RunWriteError(
            f"{file}: the weights cannot be written ({error}); the file before it, if any, is whole. "
            "Free space, or choose another folder"
        ) from error


def _key(means: Means | None) -> tuple[float, float]:
    """Sorts the better after the worse; NaN is worse than everything."""
    if means is None or means.loss != means.loss:
        return float("-inf"), float("-inf")
    return (-means.loss, 0.0) if means.accuracy is None else (means.accuracy, -means.loss)
