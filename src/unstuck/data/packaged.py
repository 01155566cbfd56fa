"""Files that an optional package carries, found without importing it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from unstuck.errors import DataError
from unstuck.optional import missing

__all__ = ["packaged"]


def packaged(name: str, package: str, file: str, *, extra: str) -> Path:
    """Find a file inside an installed package.

    Args:
        name: The data set that it is for.
        package: The package that carries it.
        file: Where it lies inside the package.
        extra: The extra of ours that installs the package.

    Raises:
        MissingPackageError: The package is not installed.
        DataError: It no longer carries the file.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise missing(package, extra=extra, purpose=f"the data set {name!r}, which comes with it")
    path = Path(spec.origin).parent / file
    if not path.is_file():
        raise DataError(f"{name}: this {package} holds no {path}; install another: pip install 'unstuck[{extra}]'")
    return path
