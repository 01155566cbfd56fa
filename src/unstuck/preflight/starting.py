"""Is the first loss that of a model which knows nothing, and does a penalty raise it?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.optim import Optimizer

from unstuck.preflight.computable import obstacle
from unstuck.preflight.initial_loss import InitialLossCheck, initial_loss
from unstuck.preflight.subject import Subject, called, copied
from unstuck.record.checklist import Check

__all__ = ["regularisation", "starting_loss"]

GROSS = 4.0
"""Tolerances by which the first loss may be off without a cross; N(0, 1) weights are off by ten and more (measured)."""


def starting_loss(subject: Subject) -> Check:
    """Measure the loss before training, by :func:`~unstuck.preflight.initial_loss`."""
    found = initial_loss(subject.model, subject.loss, map(copied, subject.batches), declared=subject.declared)
    if found is None:
        return Check(
            code="P103", name="initial loss", status="skipped", reason="no expectation is known for this loss function"
        )
    # Below the expectation the model knows something already, as with pre-trained weights; somewhat above it training
    # soon makes good. Neither is a fault.
    known_cause = found.fault or found.reduction or found.advice.startswith("the inputs")
    slight = not known_cause and found.value - found.expected < GROSS * found.tolerance
    head = f"{found.value:.4g}, expected {found.expected:.4g} ± {found.tolerance:.2g} ({found.formula})"
    return Check(
        code="P103",
        name="initial loss",
        status="passed" if found.passed else "noted" if slight else "failed",
        value=found.value,
        expected=f"{found.expected:.4g}: {found.formula}",
        tolerance=found.tolerance,
        reason=head,
        advice=found.advice,
        cause="" if found.passed or slight else _cause(subject, found),
    )


def _cause(subject: Subject, found: InitialLossCheck) -> str:
    stopped = None if math.isfinite(found.value) else obstacle(subject)
    if stopped is not None:
        return stopped.cause
    if found.fault:
        return "loss-wrong"
    if found.reduction:
        return "loss-reduction-wrong"
    return "inputs-not-scaled" if found.advice.startswith("the inputs") else "init-scale-wrong"


def regularisation(subject: Subject) -> Check:
    r"""See that the penalty raises the loss: :math:`R(w) > 0`, with its share of the loss.

    A weight decay of the optimizer counts as :math:`\frac{\lambda}{2} \lVert w \rVert^2`, which training adds unseen;
    one that is decoupled, as AdamW's, shrinks the weights by itself and adds nothing to a loss.
    """
    name, code = "regularisation raises the loss", "P104"
    inputs, targets = subject.first
    with torch.no_grad():
        loss = float(subject.loss(called(subject.model, inputs), targets))
        if subject.regularisation is not None:
            added = float(subject.regularisation(subject.model))
            how = "the penalty"
        else:
            added = sum(
                0.5 * float(group.get("weight_decay", 0.0)) * float(p.detach().double().square().sum())
                for group in _coupled(subject.optimizer)
                for p in group["params"]
            )
            how = "the optimizer's weight decay"
            if not added:
                return Check(code=code, name=name, status="skipped", reason="nothing is added to the loss")
    passed = added > 0.0
    reason = f"{how} adds {added:.3g} to a loss of {loss:.4g}"
    return Check(
        code=code,
        name=name,
        status="passed" if passed and added < loss else "noted" if passed else "failed",
        value=added,
        expected="more than 0, and less than the data loss",
        reason=reason,
        advice=""
        if passed and added < loss
        else "it outweighs the data: weaken it"
        if passed
        else "add the penalty with a plus, and over parameters that are not all zero",
        cause="" if passed else "regularisation-too-strong",
    )


DECOUPLED = ("AdamW", "SGDW", "Lion", "Muon", "Adafactor")
"""Optimizers whose weight decay is decoupled without a flag that says so (Loshchilov and Hutter, 2019)."""


def _coupled(optimizer: Optimizer | None) -> list[dict[str, Any]]:
    """Groups whose weight decay is the gradient of a penalty."""
    if optimizer is None or type(optimizer).__name__.endswith(DECOUPLED):
        return []
    return [group for group in optimizer.param_groups if not group.get("decoupled_weight_decay")]
