"""The weights of each epoch, written beside the run."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from unstuck.train.best import save_weights

__all__ = ["CHECKPOINTS", "keep"]

CHECKPOINTS = "checkpoints"
"""Name of the folder of each epoch's weights, inside a run's folder."""


def keep(model: nn.Module, folder: Path, epoch: int) -> Path:
    """Write the weights after an epoch beside a run.

    Args:
        model: The model.
        folder: The run's folder.
        epoch: How many epochs there were; 0 before the first.

    Raises:
        RunWriteError: The file cannot be written.
        MissingPackageError: safetensors is not installed.
    """
    file = folder / CHECKPOINTS / f"epoch-{epoch:05}.safetensors"
    file.parent.mkdir(exist_ok=True)
    save_weights({name: value.detach().contiguous() for name, value in model.state_dict().items()}, file)
    return file
