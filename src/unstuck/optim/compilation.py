"""Turn the text of a function into machine code by Numba, and keep it on disk (``kernel_cache``).

Numba is an optional dependency, ``pip install 'unstuck[train]'``. It takes long to import, which waits for the first
kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from unstuck.errors import MissingPackageError
from unstuck.optim.kernel_cache import keep_source
from unstuck.optional import require

__all__ = ["available", "compiled", "numba"]


def numba() -> Any:
    """Numba.

    Raises:
        MissingPackageError: It is not installed, or does not work with the NumPy that is.
    """
    return require("numba", extra="train", purpose="engine='numba'")


@cache
def available() -> bool:
    """Whether Numba is installed and works here."""
    try:
        numba()
    except MissingPackageError:
        return False
    return True


def compiled(
    source: str,
    *,
    name: str,
    entry: str,
    arguments: int,
    answers: bool,
    helpers: Sequence[str] = (),
    names: Mapping[str, Any] | None = None,
    **options: Any,
) -> Callable[..., Any]:
    """The compiled function ``entry`` of a module's text, which may use all of ``intrinsics``.

    Args:
        source: The text.
        name: What the kept file is called by.
        entry: The function to return; all its arguments are integers of 64 bits.
        arguments: How many they are.
        answers: Whether it returns an integer; else nothing.
        helpers: Other functions of the text that it calls.
        names: What else the text refers to.
        **options: Those of ``numba.njit``.
    """
    compiler = numba()
    intrinsics, loops = (import_module(f"unstuck.optim.{part}") for part in ("intrinsics", "loops"))  # import Numba
    path = keep_source(source, name=name)
    namespace: dict[str, Any] = {
        "__name__": __name__,  # a kept kernel names a module that can be imported
        **{intrinsic: getattr(intrinsics, intrinsic) for intrinsic in intrinsics.__all__},
        "float64": compiler.float64,
        "inf": float("inf"),
        **(names or {}),
    }
    exec(compile(source, path or "<unstuck kernel>", "exec"), namespace)
    for helper in helpers:
        namespace[helper] = compiler.njit(error_model="numpy")(namespace[helper])
    signature = (compiler.int64 if answers else compiler.void)(*(compiler.int64,) * arguments)
    return compiler.njit(
        signature, pipeline_class=loops.OneVectorAtATime, error_model="numpy", cache=path is not None, **options
    )(namespace[entry])
