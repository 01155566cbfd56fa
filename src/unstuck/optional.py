"""Packages that only some parts need: imported where they are used, and missed by name with the command to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from unstuck.errors import MissingPackageError

__all__ = ["missing", "require"]

DISTRIBUTIONS = {"PIL": "Pillow", "sklearn": "scikit-learn", "tomli_w": "tomli-w"}
"""Packages that are installed by another name than they are imported by."""


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: The module, such as ``"sklearn.datasets"``.
        extra: The extra of ours that installs its package.
        purpose: What it is needed for, as the end of the sentence "scikit-learn is needed for ...".

    Returns:
        The module.

    Raises:
        MissingPackageError: The package is not installed, or is but cannot be imported.

    Examples:
        >>> require("json", extra="train", purpose="this example").loads("[1]")
        [1]
        >>> require("gone", extra="train", purpose="this example")
        Traceback (most recent call last):
            ...
        unstuck.errors.MissingPackageError: gone is needed for this example; pip install 'unstuck[train]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        absent = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == package
        raise missing(package, extra=extra, purpose=purpose, reason="" if absent else str(error)) from error


def missing(package: str, *, extra: str, purpose: str, reason: str = "") -> MissingPackageError:
    """The error to raise where a package is missing.

    Args:
        package: The name that it is imported by.
        extra: The extra of ours that installs it.
        purpose: What it is needed for.
        reason: Why it cannot be used, where it is installed all the same.
    """
    name = DISTRIBUTIONS.get(package, package)
    unusable = f", and the one that is installed cannot be imported ({reason})" if reason else ""
    return MissingPackageError(f"{name} is needed for {purpose}{unusable}; pip install 'unstuck[{extra}]'")
