"""Checks before the first step."""

from unstuck.preflight.factory import from_factory, returned_by
from unstuck.preflight.initial_loss import InitialLossCheck, initial_loss
from unstuck.preflight.run import CHECKS, QUICK, run_checks
from unstuck.preflight.subject import Subject

__all__ = [
    "CHECKS",
    "QUICK",
    "InitialLossCheck",
    "Subject",
    "from_factory",
    "initial_loss",
    "returned_by",
    "run_checks",
]
