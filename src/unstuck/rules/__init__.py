"""Judges of recorded runs: pure functions from a run to findings, without torch."""

from unstuck.rules.catalogue import BY_CODE, RULES
from unstuck.rules.engine import judge
from unstuck.rules.rule import Rule

__all__ = ["BY_CODE", "RULES", "Rule", "judge"]
