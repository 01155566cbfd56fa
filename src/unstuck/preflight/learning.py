"""Can the model learn anything at all?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.learning.guess import smoothed_entropy
from unstuck.preflight.computable import Obstacle, obstacle
from unstuck.preflight.subject import Subject, called, without_dropout
from unstuck.record.checklist import Check, Curve

__all__ = ["FEW", "RATE", "overfits", "untrainable"]

FEW = 20
"""Examples that any model of use can learn by heart."""
STEPS = 400
"""Steps of Adam in which it must, and as many at ten times the rate; shipped models need 15 to 100 (measured)."""
RATE = 3e-3
NEARLY = 0.02
"""Share of the first loss, above what the targets allow at best, that counts as nearly zero."""


def overfits(subject: Subject, *, steps: int = STEPS) -> Check:
    """Train a copy on 20 examples until it knows them by heart: dropout and weight decay off, always the same batch.

    A failure means that the loop is cut somewhere: wrong loss, detached graph, labels apart from inputs within a row,
    or far too small a model. A success shows that learning works, and nothing of generalisation.
    """
    name, code = "overfits 20 examples", "P110"
    inputs, targets = _few(subject)
    model = without_dropout(subject.twin())
    subject.seeded()
    wanted = [p for p in model.parameters() if p.requires_grad]
    stopped = obstacle(subject)
    if not wanted or stopped is not None:
        return untrainable(code, name, stopped)
    optimizer = torch.optim.Adam(wanted, lr=RATE)
    curve: list[float] = []
    bound = _nearly_zero(subject, model, inputs, targets)
    for step in range(2 * steps):
        if step == steps:
            optimizer.param_groups[0]["lr"] = 10.0 * RATE  # what learns slowly learns
        optimizer.zero_grad()
        value = subject.loss(called(model, inputs), targets)
        curve.append(float(value.detach()))
        if not math.isfinite(curve[-1]) or curve[-1] <= bound:
            break
        if not value.requires_grad:
            break
        value.backward()
        optimizer.step()
    passed = curve[-1] <= bound
    count = len(targets)
    # A model of fewer parameters than numbers to learn need not succeed; that it learns at all is enough.
    small = sum(p.numel() for p in wanted) < targets.numel() * _choices(subject, inputs, targets)
    small &= not passed and curve[-1] < curve[0]
    return Check(
        code=code,
        name=name,
        status="passed" if passed else "noted" if small else "failed",
        value=curve[-1],
        expected=f"at most {bound:.2g}, {NEARLY:.0%} of the first loss",
        tolerance=bound,
        reason=f"loss {curve[0]:.4g} to {curve[-1]:.2g} on {count} examples in {len(curve) - 1} steps"
        + (" (random pixels can be learned by heart as well: this shows nothing of generalisation)" if passed else "")
        + ("; the model has fewer parameters than they need" if small else ""),
        advice=""
        if passed or small
        else "not even these are learned: look at gradient, loss, last activation, and size of the model",
        cause="" if passed or small else "capacity-too-small",
        curves=(
            Curve(
                title=f"Loss on {count} examples learned by heart",
                across="step",
                up="loss",
                x=tuple(float(i) for i in range(len(curve))),
                y=tuple(curve),
                log_y=min(curve) > 0.0,
                level=bound,
            ),
        ),
    )


def _few(subject: Subject) -> tuple[Any, Tensor]:
    inputs, targets = subject.first
    examples = subject.examples
    if examples is not None:
        inputs, targets = examples
    count = len(targets) if targets.ndim else 1

    def few(leaf: Any) -> Any:
        return leaf[:FEW] if isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == count else leaf

    return pytree.tree_map(few, (inputs, targets))  # pyright: ignore[reportUnknownMemberType]


def _nearly_zero(subject: Subject, model: nn.Module, inputs: Any, targets: Tensor) -> float:
    """The loss that counts as nearly zero: a share of what knowing nothing costs, above the least possible."""
    floor = _floor(subject, inputs, targets)
    with torch.no_grad():
        outputs = called(model, inputs)
        start = float(subject.loss(outputs, targets))
        if isinstance(outputs, Tensor):
            # A start that is lucky by its weights is no reason to ask for more.
            start = max(start, float(subject.loss(torch.zeros_like(outputs), targets)))
    return floor + NEARLY * max(start - floor, 0.0)


def _choices(subject: Subject, inputs: Any, targets: Tensor) -> int:
    """Numbers that the model gives for each number of a target: the classes of a class id."""
    if targets.is_floating_point():
        return 1
    with torch.no_grad():
        outputs = called(subject.twin().eval(), inputs)
    return outputs.shape[1] if isinstance(outputs, Tensor) and outputs.ndim > 1 else 1


def _floor(subject: Subject, inputs: Any, targets: Tensor) -> float:
    """The least loss possible: that of squared error is 0, but soft targets leave an entropy."""
    smoothing = float(getattr(subject.loss, "label_smoothing", 0.0))
    if not smoothing:
        return 0.0
    with torch.no_grad():
        classes = called(subject.twin().eval(), inputs).shape[1]
    return smoothed_entropy(smoothing, classes)


def untrainable(code: str, name: str, stopped: Obstacle | None) -> Check:
    """The check in place of one that would train, where nothing can be trained."""
    reason = "there is no finite loss; see outputs fit" if stopped else "no parameter requires a gradient"
    return Check(code=code, name=name, status="skipped", reason=reason)
