"""Small trainings that remedies are tried on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from unstuck.observe import Session
from unstuck.record import Run, RunWriter
from unstuck.remedies import Change, applied, changed

__all__ = ["blobs", "changed_by", "mlp", "recorded", "rings", "weights"]


def blobs(examples: int = 120) -> tuple[torch.Tensor, torch.Tensor]:
    """Three classes that an MLP tells apart in a few steps."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(examples) % 3
    centres = torch.tensor([[2.0, 0.0], [-2.0, 1.0], [0.0, -2.0]])
    return centres[classes] + 0.3 * torch.randn(examples, 2, generator=generator), classes


def rings(examples: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """Three rings around one another: nothing is learnt of them by a small move of the weights."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(examples) % 3
    angles = 6.2832 * torch.rand(examples, generator=generator)
    radii = 0.5 + classes + 0.1 * torch.randn(examples, generator=generator)
    return torch.stack((radii * angles.cos(), radii * angles.sin()), dim=1), classes


def mlp(*, seed: int = 0, inputs: int = 2, outputs: int = 3) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def changed_by(change: Change, train: Callable[[], nn.Module]) -> torch.Tensor:
    """The weights of a training under a change, which must have had an effect."""
    with applied(change):
        found = weights(train())
    assert changed()
    return found


def recorded(folder: Path, train: Callable[[], object], *changes: Change) -> Run:
    """The run of a training under changes, as a trial records it."""
    with applied(*changes), RunWriter(folder) as writer, Session(writer):
        train()
    return Run.open(folder)
