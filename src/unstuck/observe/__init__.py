"""Take signals from a training, give no verdicts."""

from unstuck.observe.budget import DEFAULT_BUDGET, check_budget
from unstuck.observe.observer import Latest, Observer
from unstuck.observe.session import Session
from unstuck.observe.sharded.other_ranks import OtherRanks
from unstuck.observe.torch_hooks.allocator import keep_freed_memory
from unstuck.observe.user_code.model_structure import check_training

__all__ = [
    "DEFAULT_BUDGET",
    "Latest",
    "Observer",
    "OtherRanks",
    "Session",
    "check_budget",
    "check_training",
    "keep_freed_memory",
]
