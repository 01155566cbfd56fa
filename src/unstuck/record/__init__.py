"""What a training leaves behind: signals, facts, findings. Plain data, without torch."""

from unstuck.record import facts, signals
from unstuck.record.causes import CAUSES, Cause
from unstuck.record.finding import Confirmation, Evidence, Finding, NotEvaluated, Severity, TrainingName, Where
from unstuck.record.run import Run, Series, Table
from unstuck.record.signals import Index, Signal
from unstuck.record.thrown import Departure, Throw
from unstuck.record.verdict import Figure, Learnt, Verdict, VerdictKind
from unstuck.record.writer import RunWriter

__all__ = [
    "CAUSES",
    "Cause",
    "Confirmation",
    "Departure",
    "Evidence",
    "Figure",
    "Finding",
    "Index",
    "Learnt",
    "NotEvaluated",
    "Run",
    "RunWriter",
    "Series",
    "Severity",
    "Signal",
    "Table",
    "Throw",
    "TrainingName",
    "Verdict",
    "VerdictKind",
    "Where",
    "facts",
    "signals",
]
