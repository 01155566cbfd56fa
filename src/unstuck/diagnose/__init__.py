"""Find out why a network will not train: in a script that knows nothing of us, or in one's own loop."""

from unstuck.diagnose.process import run_process
from unstuck.diagnose.script import Outcome, run_script
from unstuck.diagnose.streams import StandardError
from unstuck.diagnose.watch import watch

__all__ = ["Outcome", "StandardError", "run_process", "run_script", "watch"]
