"""Train neural networks properly, and find out why one will not train.

``unstuck.watch(model, optimizer)`` diagnoses a loop of one's own; ``unstuck run script.py`` a whole script;
``unstuck.check_gradients(model, loss, (inputs, targets))`` holds gradients against differences;
``unstuck.find_learning_rate(model, loss, batches, optimizer)`` searches for the rate to train with;
``unstuck.curvature.measure(model, loss, data)`` says whether training stands at a minimum, a saddle, or neither;
``unstuck.landscape.plane(model, loss, data)`` is the loss around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstuck._version import __version__

if TYPE_CHECKING:
    from unstuck import curvature, landscape
    from unstuck.diagnose import watch
    from unstuck.find_lr import find_learning_rate
    from unstuck.gradcheck import check_gradients

__all__ = ["__version__", "check_gradients", "curvature", "find_learning_rate", "landscape", "watch"]

_HOMES = {"watch": "unstuck.diagnose", "check_gradients": "unstuck.gradcheck", "find_learning_rate": "unstuck.find_lr"}
_PACKAGES = ("curvature", "landscape")


def __getattr__(name: str) -> object:
    """Import torch only when something is asked for that needs it: the command line answers --help without."""
    if name in _HOMES or name in _PACKAGES:
        import importlib

        package = importlib.import_module(_HOMES.get(name, f"unstuck.{name}"))
        return getattr(package, name) if name in _HOMES else package
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
