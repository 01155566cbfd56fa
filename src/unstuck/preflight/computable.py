"""Is there a loss at all: one finite number, from model and batch as they are?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.preflight.subject import Subject, called, without_dropout

__all__ = ["Obstacle", "obstacle"]


@dataclass(frozen=True)
class Obstacle:
    """Why there is none.

    Attributes:
        what: What is wrong, with the value seen.
        advice: What to do.
        cause: A slug of causes.toml.
        runs: Whether the model gives finite outputs, so that the fault lies between these, the targets and the loss.
    """

    what: str
    advice: str
    cause: str
    runs: bool = False


def obstacle(subject: Subject) -> Obstacle | None:
    """Compute the first loss, and say what stands in the way; None where it is one finite number."""
    inputs, targets = subject.first
    found = _elsewhere(subject, inputs, targets)
    if found is not None:
        return found
    model = without_dropout(subject.twin())
    stage, runs = "the model does not run on the inputs", False
    try:
        with torch.no_grad():
            outputs = called(model, inputs)
            stage, runs = "the loss function does not take outputs and targets", True
            value = cast("Any", subject.loss(outputs, targets))
    except Exception as error:  # a model may raise anything, and what it says is what the user needs
        words = (str(error).splitlines() or [""])[0]
        return Obstacle(
            f"{stage}: {type(error).__name__}: {words}",
            "make shapes and types fit; the model is called with the inputs of the first batch (a tuple's one by one, "
            "a mapping's by name), the loss with (outputs, targets)",
            "does-not-run",
            runs=runs,
        )
    if not isinstance(value, Tensor):
        return Obstacle(
            f"the loss is a {type(value).__name__}", "return a tensor, without item() or NumPy", "graph-detached"
        )
    if value.numel() != 1:
        return Obstacle(
            f"the loss is not a scalar but of shape {tuple(value.shape)}",
            "reduce it to one number, for example with .mean()",
            "loss-reduction-wrong",
        )
    return None if bool(torch.isfinite(value)) else _not_finite(subject.model, inputs, outputs, float(value))


def _elsewhere(subject: Subject, inputs: Any, targets: Any) -> Obstacle | None:
    """Whether model and batch are on different devices."""
    home = next((p.device for p in subject.model.parameters()), None)
    if home is not None and home.type == "meta":
        what = "the model is on meta and holds no numbers"
        return Obstacle(what, "call to_empty(device=...) and initialise it", "does-not-run")
    for name, part in (("inputs", inputs), ("targets", targets)):
        for leaf in pytree.tree_leaves(part):
            if home is not None and isinstance(leaf, Tensor) and leaf.device != home:
                return Obstacle(
                    f"{name} are on {leaf.device}, the model is on {home}",
                    f"move both to one device: .to({str(home)!r})",
                    "does-not-run",
                )
    return None


def _not_finite(model: nn.Module, inputs: Any, outputs: Any, value: float) -> Obstacle:
    """Where the NaN or infinity of a loss begins."""
    head = f"the first loss is {value}"
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return Obstacle(f"{head}: {name} holds NaN or infinity already", "initialise it again", "init-scale-wrong")
    if not _finite(inputs):
        return Obstacle(f"{head}: the inputs hold NaN or infinity already", "clean the data", "data-non-finite")
    if not _finite(outputs):
        return Obstacle(
            f"{head}: the model's outputs are NaN or infinite, its inputs and weights are not",
            "look for log, sqrt or a ratio near 0 in the model, and for weights that are far too large",
            "init-scale-wrong",
        )
    return Obstacle(
        f"{head}, though the outputs are finite",
        "look for NaN in the targets, and for log of 0 or a division in the loss; use its stable form, on logits",
        "loss-unstable",
    )


def _finite(tree: Any) -> bool:
    return all(bool(torch.isfinite(leaf).all()) for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor))
