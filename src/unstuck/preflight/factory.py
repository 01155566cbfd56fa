"""A training described by a function of the user's: ``package.module:factory``."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from torch import nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError, UnstuckError
from unstuck.preflight.subject import Subject

__all__ = ["from_factory", "import_function", "returned_by"]

ORDER = ("model", "loss", "data", "optimizer")
KEYS = (*ORDER, "validation", "regularisation", "exclude")


def from_factory(target: str, *, seed: int = 0) -> Subject:
    """Import a function, call it, and take what it returns for a training.

    Args:
        target: ``package.module:function``; the folder that one is in is searched first. The function returns model,
            loss (None where the model returns it), a batch or a loader, as :meth:`Subject.of` takes them, and, if it
            likes, an optimizer: a tuple in this order, or a mapping with the keys model, loss, data, optimizer,
            validation, regularisation and exclude (parameters that the gradient check leaves out, as before a
            straight-through estimator).
        seed: Seed of the global generator while the function runs.

    Raises:
        ArgumentError: There is no such function, or it returns something else.
    """
    given = returned_by(target)
    return Subject.of(
        given["model"],
        given["loss"],
        given["data"],
        optimizer=given.get("optimizer"),
        validation=given.get("validation"),
        regularisation=given.get("regularisation"),
        exclude=given.get("exclude", ()),
        seed=seed,
    )


def returned_by(target: str) -> dict[str, Any]:
    """Import a function, call it, and give what it returns by the names of :data:`KEYS`.

    Raises:
        ArgumentError: There is no such function, or it returns something else.
    """
    function = import_function(target)
    try:
        returned = function()
    except UnstuckError:
        raise
    except Exception as error:  # the user's own function may raise anything
        raise ArgumentError(f"target={target!r}: it raised {_told(error)}; mend it, and check again") from error
    given = _named(target, returned)
    model = given["model"]
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"target={target!r}: its model is {type(model).__name__}; a torch.nn.Module is accepted")
    optimizer = given.get("optimizer")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"target={target!r}: its optimizer is {type(optimizer).__name__}, not one of torch.optim")
    return given


def import_function(target: str) -> Callable[..., object]:
    """Import a function by its name, ``package.module:function``; the folder that one is in is searched first.

    Raises:
        ArgumentError: There is no such function, or importing its module raises.
    """
    path, colon, name = target.partition(":")
    if not colon or not path or not name:
        raise ArgumentError(f"target={target!r}: a recipe or package.module:function is accepted")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(path)
    except ImportError as error:
        raise ArgumentError(f"target={target!r}: {path} cannot be imported ({error})") from error
    except Exception as error:  # importing runs the user's code
        raise ArgumentError(f"target={target!r}: importing {path} raised {_told(error)}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ArgumentError(f"target={target!r}: {path} has no function {name!r}")
    return function


def _told(error: Exception) -> str:
    """What was raised, and the last line of the user's own code on the way there."""
    here = str(Path.cwd())
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(here) and "site-packages" not in f.filename]
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"


def _named(target: str, returned: object) -> dict[str, Any]:
    if isinstance(returned, Mapping):
        given = dict(cast("Mapping[str, Any]", returned))
        unknown = set(given) - set(KEYS)
        missing = set(ORDER[:3]) - set(given)
        if not unknown and not missing:
            return given
    elif isinstance(returned, tuple | list):
        entries = cast("Sequence[Any]", returned)
        if 3 <= len(entries) <= 4:
            return dict(zip(ORDER, entries, strict=False))
    raise ArgumentError(
        f"target={target!r}: it returns {type(returned).__name__}; (model, loss, data) and an optimizer after it "
        f"is accepted, or a mapping with keys of {', '.join(KEYS)}"
    )
