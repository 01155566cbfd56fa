"""Find out why a network will not train: in a script that knows nothing of us, or in one's own loop."""

from unstuck.diagnose.script import Outcome, run_script
from unstuck.diagnose.watch import watch

__all__ = ["Outcome", "run_script", "watch"]
