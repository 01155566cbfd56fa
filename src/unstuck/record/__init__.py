"""What a training leaves behind: signals, facts, findings. Plain data, without torch."""

from unstuck.record import facts, signals
from unstuck.record.causes import CAUSES, Cause
from unstuck.record.finding import Confirmation, Evidence, Finding, NotEvaluated, Severity, Verdict, Where
from unstuck.record.run import Run, Series, Table
from unstuck.record.signals import Index, Signal
from unstuck.record.writer import RunWriter

__all__ = [
    "CAUSES",
    "Cause",
    "Confirmation",
    "Evidence",
    "Finding",
    "Index",
    "NotEvaluated",
    "Run",
    "RunWriter",
    "Series",
    "Severity",
    "Signal",
    "Table",
    "Verdict",
    "Where",
    "facts",
    "signals",
]
