"""Take signals from a training, give no verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstuck.lazily import imported_when_asked

if TYPE_CHECKING:
    from unstuck.observe.budget import DEFAULT_BUDGET, check_budget
    from unstuck.observe.latest import Latest
    from unstuck.observe.observer import Observer
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

__getattr__ = imported_when_asked(
    __name__,
    {
        "DEFAULT_BUDGET": "budget",
        "Latest": "latest",
        "Observer": "observer",
        "OtherRanks": "sharded.other_ranks",
        "Session": "session",
        "check_budget": "budget",
        "check_training": "user_code.model_structure",
        "keep_freed_memory": "torch_hooks.allocator",
    },
)
