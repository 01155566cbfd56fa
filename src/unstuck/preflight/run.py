"""All checks before a training, in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from unstuck.errors import UnstuckError
from unstuck.preflight.computable import obstacle
from unstuck.preflight.consequences import placed
from unstuck.preflight.data import data
from unstuck.preflight.examples import no_mixing, outputs_fit
from unstuck.preflight.gradients import gradients
from unstuck.preflight.labels import data_says_something
from unstuck.preflight.learning import overfits
from unstuck.preflight.reach import flow, parameters_reached, repeats
from unstuck.preflight.starting import regularisation, starting_loss
from unstuck.preflight.subject import Subject, untouched
from unstuck.record.checklist import Check, Checklist

__all__ = ["CHECKS", "NAMES", "QUICK", "run_checks"]

CHECKS: tuple[Callable[[Subject], Check], ...] = (
    data,
    outputs_fit,
    starting_loss,
    regularisation,
    parameters_reached,
    flow,
    no_mixing,
    repeats,
    gradients,
    overfits,
    data_says_something,
)
"""Every check, the cheapest first; the first has the code P101, and so on."""

NAMES = (
    "data",
    "outputs fit",
    "initial loss",
    "regularisation raises the loss",
    "parameters are reached",
    "signal and gradient flow",
    "examples keep apart",
    "repeats itself",
    "gradients",
    "overfits 20 examples",
    "labels and inputs matter",
)
"""The name of each, which a check that could not be made cannot tell itself."""

NOT_MADE = "it could not be made"

WITHOUT_LOSS = (data, outputs_fit)
"""Those that can be made where model and loss give no finite number."""

QUICK = tuple(check for check in CHECKS if check not in (overfits, data_says_something, starting_loss))
"""Those that take no training, for the first phase of one; the first loss has a line of its own there."""


def run_checks(
    subject: Subject,
    checks: tuple[Callable[[Subject], Check], ...] = CHECKS,
    *,
    progress: Callable[[Check], None] | None = None,
) -> Checklist:
    """Make checks one after the other. Model, optimizer, data and generators are left bitwise as they were.

    Args:
        subject: What is about to be trained.
        checks: Which checks.
        progress: Called with each as it is done.

    Returns:
        The list. A check that could not be made is skipped, with the reason.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> x = torch.randn(64, 8)
        >>> model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
        >>> subject = Subject.of(model, nn.functional.cross_entropy, (x, x[:, :3].argmax(dim=1)))
        >>> run_checks(subject).ok
        True
    """
    began = time.perf_counter()
    made: list[Check] = []
    with untouched(subject):
        stopped = _obstacle(subject)
        for check in checks:
            subject.seeded()
            result = _once(placed(_made(check, subject, stopped=stopped), made), made)
            made.append(result)
            if progress:
                progress(result)
    parameters = sum(p.numel() for p in subject.model.parameters())
    line = f"{type(subject.model).__name__} of {parameters:,} parameters, {len(subject.batches)} batches read"
    return Checklist(tuple(made), subject=line, seconds=time.perf_counter() - began)


def _obstacle(subject: Subject) -> bool:
    """Whether there is no finite loss; also where not even that can be found out, as of a model that has no copy."""
    subject.seeded()
    try:
        return obstacle(subject) is not None
    except Exception:  # whatever the copying of a model raises
        return True


def _made(check: Callable[[Subject], Check], subject: Subject, *, stopped: bool) -> Check:
    """The check; skipped where it cannot be made, and, but for two, where there is no finite loss."""
    if stopped and check not in WITHOUT_LOSS:
        return _skipped(check, "there is no finite loss")
    try:
        return check(subject)
    except UnstuckError as error:
        return _skipped(check, str(error))
    except Exception as error:  # a model may raise anything; the other checks can still be made
        return _skipped(check, (f"{type(error).__name__}: {error}".splitlines() or [""])[0])


def _once(check: Check, made: list[Check]) -> Check:
    """The check; one that could not be made for the reason of another names that."""
    for before in made:
        if check.status == before.status == "skipped" and check.reason == before.reason and NOT_MADE in check.reason:
            return replace(check, reason=f"{NOT_MADE}, as {before.name}")
    return check


def _skipped(check: Callable[[Subject], Check], reason: str) -> Check:
    place = CHECKS.index(check)
    reason = f"{NOT_MADE}: {reason}"
    return Check(code=f"P1{place + 1:02}", name=NAMES[place], status="skipped", reason=reason)
