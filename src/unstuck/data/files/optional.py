"""Packages that only some formats need: named where they are used, missed with the command that installs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from unstuck.errors import DataError

__all__ = ["optional"]


def optional(module: str, *, extra: str, purpose: str) -> Any:
    """Import a module of an optional package.

    Raises:
        DataError: The package is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise DataError(f'{purpose} needs {package}, which is not installed: pip install "unstuck[{extra}]"') from error
