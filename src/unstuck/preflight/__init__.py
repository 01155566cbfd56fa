"""Checks before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstuck.lazily import imported_when_asked
from unstuck.preflight.initial_loss import InitialLossCheck, initial_loss

if TYPE_CHECKING:
    from unstuck.preflight.factory import from_factory, returned_by
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

__getattr__ = imported_when_asked(
    __name__,
    {
        "CHECKS": "run",
        "QUICK": "run",
        "Subject": "subject",
        "from_factory": "factory",
        "returned_by": "factory",
        "run_checks": "run",
    },
)
