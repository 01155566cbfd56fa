"""Does one example influence another, and do outputs fit targets and loss?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from unstuck.preflight.computable import Obstacle, obstacle
from unstuck.preflight.subject import Subject, called, without_dropout
from unstuck.record.checklist import Check

__all__ = ["no_mixing", "outputs_fit"]

LEAK = 1e-6
"""Share of the gradient that rounding may bring to other examples, in float32."""
MOST = 8
"""Examples of the batch that is looked at."""


def no_mixing(subject: Subject) -> Check:
    r"""Differentiate one example's output with respect to all inputs: only its own may count.

    .. math::
        \text{share} = \frac{\lVert \partial y_m / \partial x_{n \ne m} \rVert}{\lVert \partial y_m / \partial x \rVert}

    Batch normalisation mixes by design, and is set to evaluation for the look. Inputs of integers are replaced, one
    example by another, instead.
    """
    name, code = "examples keep apart", "P107"
    inputs, targets = subject.first
    if not isinstance(inputs, Tensor) or len(inputs) < 2 or len(inputs) != len(targets):
        return Check(code=code, name=name, status="skipped", reason="it needs a batch of two examples in one tensor")
    model = without_dropout(subject.twin())
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    x = inputs[:MOST].detach().clone()
    # The middle one: a recurrent layer that takes examples for moments lets the later see the earlier only.
    middle = len(x) // 2
    share = _by_gradient(model, x, middle) if x.is_floating_point() else _by_replacing(model, x, middle)
    if share is None:
        return Check(code=code, name=name, status="skipped", reason="outputs are no tensor with a row for each example")
    passed = share <= LEAK
    return Check(
        code=code,
        name=name,
        status="passed" if passed else "failed",
        value=share,
        expected="0",
        tolerance=LEAK,
        reason=f"{share:.1%} of an output's gradient is that of other examples"
        if not passed
        else "an output depends on its own example alone",
        advice=""
        if passed
        else "look for view or reshape across the batch, a softmax or norm over axis 0, a wrong layout",
        cause="" if passed else "batch-mixing",
    )


def _by_gradient(model: nn.Module, x: Tensor, middle: int) -> float | None:
    x.requires_grad_()
    output = model(x.clone())  # a model may change its inputs in place, which a leaf forbids
    if not isinstance(output, Tensor) or not output.ndim or len(output) != len(x) or not output.requires_grad:
        return None
    found: tuple[Any, ...] = torch.autograd.grad(output[middle].sum(), x, allow_unused=True)
    gradient: Tensor | None = found[0]
    if gradient is None:
        return 0.0
    whole = float(gradient.norm())
    gradient = gradient.clone()
    gradient[middle] = 0.0
    return float(gradient.norm()) / whole if whole > 0.0 else 0.0


def _by_replacing(model: nn.Module, x: Tensor, middle: int) -> float | None:
    changed = x.roll(1, dims=0)
    changed[middle] = x[middle]
    with torch.no_grad():
        before, after = model(x), model(changed)
    if not isinstance(before, Tensor) or len(before) != len(x):
        return None
    scale = max(float(before.abs().max()), 1e-12)
    return float((before[middle] - after[middle]).abs().max()) / scale


def outputs_fit(subject: Subject) -> Check:
    """Compute the first loss, then compare shape, range and kind of outputs and targets with what the loss takes."""
    stopped = obstacle(subject)
    if stopped is not None and not stopped.runs:
        return _stopped(stopped)
    inputs, targets = subject.first
    with torch.no_grad():
        outputs = called(without_dropout(subject.twin()), inputs)
    if not isinstance(outputs, Tensor):
        if stopped is not None:
            return _stopped(stopped)
        return Check(code="P102", name="outputs fit", status="skipped", reason=f"outputs are {type(outputs).__name__}")
    shapes = f"outputs {tuple(outputs.shape)}, targets {tuple(targets.shape)} of {str(targets.dtype)[6:]}"
    fault = _fault(subject.loss, outputs, targets)
    if stopped is not None and fault is None:
        return _stopped(stopped)
    return Check(
        code="P102",
        name="outputs fit",
        status="failed" if fault else "passed",
        reason=f"{fault[0]} ({shapes})" if fault else shapes,
        expected="shapes, ranges and kinds that the loss takes",
        advice=fault[1] if fault else "",
        cause=fault[2] if fault else "",
    )


def _stopped(stopped: Obstacle) -> Check:
    return Check(
        code="P102",
        name="outputs fit",
        status="failed",
        reason=stopped.what,
        expected="a loss that is one finite number",
        advice=stopped.advice,
        cause=stopped.cause,
    )


def _fault(loss: object, outputs: Tensor, targets: Tensor) -> tuple[str, str, str] | None:
    """What does not fit, what to do, and the cause."""
    if outputs.numel() > 1 and float(outputs.float().std()) == 0.0:
        return "all outputs are equal", "start from random weights", "init-symmetric"
    if _is(loss, functional.cross_entropy, nn.CrossEntropyLoss):
        return _for_classes(outputs, targets, loss)
    if _is(loss, functional.mse_loss, nn.MSELoss) or _is(loss, functional.l1_loss, nn.L1Loss):
        if outputs.shape != targets.shape:
            return (
                f"shapes {tuple(outputs.shape)} and {tuple(targets.shape)} differ and broadcast",
                "give both the same shape, for example by targets.unsqueeze(1)",
                "loss-broadcast",
            )
        low, high = float(outputs.min()), float(outputs.max())
        if low >= 0.0 and high <= 1.0 and (float(targets.min()) < 0.0 or float(targets.max()) > 1.0):
            return (
                f"outputs lie in [{low:.2g}, {high:.2g}], targets in [{targets.min():.2g}, {targets.max():.2g}]",
                "leave the last activation away, so that outputs can reach the targets",
                "output-activation-wrong",
            )
    if _is(loss, functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss):
        return _for_probabilities(outputs, targets)
    return None


def _for_classes(outputs: Tensor, targets: Tensor, loss: object) -> tuple[str, str, str] | None:
    if outputs.ndim < 2:
        return "cross-entropy needs a score for each class", "give outputs of shape (N, C)", "loss-wrong"
    classes = outputs.shape[1]
    if classes == 1:
        return (
            "one output under cross-entropy is always right",
            "give two outputs, or use binary_cross_entropy_with_logits",
            "loss-wrong",
        )
    rows = outputs.float().sum(dim=1)
    if bool((outputs >= 0).all()) and bool(((rows - 1.0).abs() < 1e-4).all()):
        return (
            "outputs are probabilities already, and cross-entropy takes their softmax again",
            "leave the softmax away",
            "output-activation-wrong",
        )
    if not targets.is_floating_point():
        ids = targets[targets != getattr(loss, "ignore_index", -100)]
        if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= classes):
            return (
                f"class ids go from {int(ids.min())} to {int(ids.max())}, outputs from 0 to {classes - 1}",
                "number the classes from 0, and give an output to each",
                "labels-out-of-range",
            )
    return None


def _for_probabilities(outputs: Tensor, targets: Tensor) -> tuple[str, str, str] | None:
    if float(targets.min()) < 0.0 or float(targets.max()) > 1.0:
        return (
            f"targets lie in [{float(targets.min()):.2g}, {float(targets.max()):.2g}], not in [0, 1]",
            "give 0 and 1 for the two classes",
            "labels-out-of-range",
        )
    if float(outputs.min()) >= 0.0 and float(outputs.max()) <= 1.0 and outputs.numel() >= 8:
        return (
            "outputs lie in [0, 1] like probabilities, and the loss takes their sigmoid again",
            "leave the sigmoid away",
            "output-activation-wrong",
        )
    return None


def _is(loss: object, function: object, module: type[nn.Module]) -> bool:
    return loss is function or isinstance(loss, module)
