"""All checks before a training, in order."""

from __future__ import annotations

import time
from collections.abc import Callable

from unstuck.errors import UnstuckError
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
        for check in checks:
            subject.seeded()
            try:
                result = check(subject)
            except UnstuckError as error:
                result = _skipped(check, str(error))
            except Exception as error:  # a model may raise anything; the other checks can still be made
                stopped = any(entry.cause == "does-not-run" for entry in made)
                words = "model and loss do not run" if stopped else f"{type(error).__name__}: {error}"
                result = _skipped(check, (words.splitlines() or [""])[0])
            made.append(result)
            if progress:
                progress(result)
    parameters = sum(p.numel() for p in subject.model.parameters())
    line = f"{type(subject.model).__name__} of {parameters:,} parameters, {len(subject.batches)} batches read"
    return Checklist(tuple(made), subject=line, seconds=time.perf_counter() - began)


def _skipped(check: Callable[[Subject], Check], reason: str) -> Check:
    place = CHECKS.index(check)
    reason = f"it could not be made: {reason}"
    return Check(code=f"P1{place + 1:02}", name=NAMES[place], status="skipped", reason=reason)
