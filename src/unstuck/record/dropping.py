"""The fact of dropouts that are functions: they know no mode but what they are told."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.record.fact import Fact

__all__ = ["Dropping"]


@dataclass(frozen=True, kw_only=True)
class Dropping(Fact):
    """A dropout that no registered module is, in evaluations so far: a function, or a module made on the spot.

    Attributes:
        where: Path of the module that calls it.
        function: Its name, ``"dropout"``.
        at_work_in_evaluation: Calls in which it dropped values although that module was in evaluation mode.
        at_work_in_training: Calls in which it dropped values while that module was in training mode.
        idle: Calls in which it dropped nothing.
        told: Whether the user's code says at the call that it shall drop: ``training=True``.
        file: The user's file that calls it.
        line: The line of that call.
    """

    kind = "dropping"
    missing = "no dropout was seen to run in an evaluation"
    where: str
    function: str
    at_work_in_evaluation: int = 0
    at_work_in_training: int = 0
    idle: int = 0
    told: bool = False
    file: str | None = None
    line: int | None = None
