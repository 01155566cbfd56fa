"""Train neural networks properly, and find out why one will not train.

``unstuck.watch(model, optimizer)`` diagnoses a loop of one's own; ``unstuck run script.py`` a whole script.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstuck._version import __version__

if TYPE_CHECKING:
    from unstuck.diagnose import watch

__all__ = ["__version__", "watch"]


def __getattr__(name: str) -> object:
    """Import torch only when something is asked for that needs it: the command line answers --help without."""
    if name == "watch":
        import importlib

        return importlib.import_module("unstuck.diagnose").watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
