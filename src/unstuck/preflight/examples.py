"""Does one example influence another, and do outputs fit targets and loss?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.utils import _pytree as pytree

from unstuck.gradcheck.reentrant import opened
from unstuck.preflight.arrangement import main_output, size, takes
from unstuck.preflight.computable import Obstacle, obstacle
from unstuck.preflight.families import recognised
from unstuck.preflight.subject import Batch, Subject, called, joined, without_dropout
from unstuck.record.checklist import Check

__all__ = ["no_mixing", "outputs_fit"]

LEAK = 1e-6
"""Share of the gradient that rounding may bring to other examples, in float32."""
MOST = 8
"""Examples of the batch that is looked at."""
RECTIFIED = 0.05
"""Share of outputs of exactly zero from which they are those of a ReLU; of proper weights it is half."""


def no_mixing(subject: Subject) -> Check:
    r"""Differentiate one example's output with respect to all inputs: only its own may count.

    .. math::
        \text{share} = \frac{\lVert \partial y_m / \partial x_{n \ne m} \rVert}{\lVert \partial y_m / \partial x \rVert}

    Batch normalisation mixes by design, and is set to evaluation for the look. Inputs of integers are replaced, one
    example by another, instead.
    """
    name, code = "examples keep apart", "P107"
    together = joined(subject.batches[:1])
    if together is None or size(together) < 2:
        return Check(
            code=code, name=name, status="skipped", reason="it needs two examples, with a row of each in all parts"
        )
    model = without_dropout(subject.twin())
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    inputs, targets = pytree.tree_map(lambda leaf: leaf[:MOST].detach().clone(), together)
    parts = pytree.tree_leaves(subject.unlabelled(inputs))
    # The middle one: a recurrent layer that takes examples for moments lets the later see the earlier only.
    middle = size(targets) // 2
    if not takes(model, inputs):
        return Check(code=code, name=name, status="skipped", reason=f"the model does not take {size(targets)} examples")
    real = all(leaf.is_floating_point() for leaf in parts)
    share = _by_gradient(model, inputs, middle) if real else _by_replacing(model, subject, (inputs, targets), middle)
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


def _by_gradient(model: nn.Module, inputs: Any, middle: int) -> float | None:
    # Labels that the model takes too may be integers.
    leaves = [leaf.requires_grad_() for leaf in pytree.tree_leaves(inputs) if leaf.is_floating_point()]
    with opened():  # a reentrant checkpoint gives gradients to nothing but backward()
        output = main_output(called(model, inputs))
    if output is None or not output.ndim or len(output) != len(leaves[0]) or not output.requires_grad:
        return None
    found: tuple[Any, ...] = torch.autograd.grad(output[middle].sum(), leaves, allow_unused=True)
    gradients = [g.clone() for g in found if g is not None]
    whole = sum(float(g.norm()) ** 2 for g in gradients)
    for gradient in gradients:
        gradient[middle] = 0.0
    others = sum(float(g.norm()) ** 2 for g in gradients)
    return math.sqrt(others / whole) if whole > 0.0 else 0.0


def _by_replacing(model: nn.Module, subject: Subject, batch: Batch, middle: int) -> float | None:
    def replaced(leaf: Tensor) -> Tensor:
        changed = leaf.roll(1, dims=0)
        changed[middle] = leaf[middle]
        return changed

    inputs, targets = batch
    others = subject.labelled(pytree.tree_map(replaced, subject.unlabelled(inputs)), targets)
    with torch.no_grad():
        before, after = (main_output(called(model, given)) for given in (inputs, others))
    if before is None or after is None or not before.ndim or len(before) != size(inputs):
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
        given = called(without_dropout(subject.twin()), inputs)
        outputs = main_output(given)
    if outputs is None or not isinstance(targets, Tensor):
        if stopped is not None:
            return _stopped(stopped)
        words = subject.how or "outputs or targets are several"
        return Check(code="P102", name="outputs fit", status="passed", reason=f"model and loss take the batch: {words}")
    shapes = f"outputs {tuple(outputs.shape)}, targets {tuple(targets.shape)} of {str(targets.dtype)[6:]}"
    shapes += f"; {subject.how}" if subject.how else ""
    fault = _fault(subject.declared, outputs, targets)
    if fault is None and stopped is None and _probabilities(outputs, axis=-1) and _of_classes(subject, given, targets):
        fault = TWICE
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
        between = low >= 0.0 and high <= 1.0 and (float(targets.min()) < 0.0 or float(targets.max()) > 1.0)
        if between or (_rectified(outputs) and float(targets.min()) < 0.0):
            return (
                f"outputs lie in [{low:.2g}, {high:.2g}], targets in [{targets.min():.2g}, {targets.max():.2g}]",
                "leave the last activation away, so that outputs can reach the targets",
                "output-activation-wrong",
            )
    if _is(loss, functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss):
        return _for_probabilities(outputs, targets)
    return None


def _rectified(outputs: Tensor) -> bool:
    """Whether no output is negative and some are exactly zero, as behind a ReLU."""
    share = float((outputs == 0.0).double().mean())
    return float(outputs.min()) == 0.0 and RECTIFIED < share < 1.0


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
    if _probabilities(outputs, axis=1):
        return TWICE
    if not targets.is_floating_point():
        ids = targets[targets != getattr(loss, "ignore_index", -100)]
        if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= classes):
            return (
                f"class ids go from {int(ids.min())} to {int(ids.max())}, outputs from 0 to {classes - 1}",
                "number the classes from 0, and give an output to each",
                "labels-out-of-range",
            )
    return None


TWICE = (
    "outputs are probabilities already, and cross-entropy takes their softmax again",
    "leave the softmax away",
    "output-activation-wrong",
)


def _probabilities(outputs: Tensor, *, axis: int) -> bool:
    if outputs.ndim < 2 or outputs.shape[axis] < 2 or not outputs.is_floating_point():
        return False
    sums = outputs.float().sum(dim=axis)
    return bool((outputs >= 0).all()) and bool(((sums - 1.0).abs() < 1e-4).all())


def _of_classes(subject: Subject, outputs: Any, targets: Tensor) -> bool:
    """Whether a loss of one's own is cross-entropy by its values."""
    scores = main_output(outputs)
    if scores is None:
        return False
    with torch.no_grad():
        found = recognised(scores, targets, float(subject.loss(outputs, targets)), math.nan)
    return found is not None and found[0].scores and "ln C" in found[0].formula


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
