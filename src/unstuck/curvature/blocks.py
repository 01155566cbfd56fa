"""Blocks on the diagonal of the Hessian: the weights of one parameter, or of one layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from unstuck.errors import ArgumentError

__all__ = ["Grouping", "blocks"]

Grouping = Literal["layer", "parameter", "none"]


def blocks(names: Iterable[str], grouping: Grouping) -> dict[str, tuple[str, ...]]:
    """Names of weights by the block that they belong to.

    Args:
        names: Names of weights, as a module has them.
        grouping: ``"layer"`` puts the weights of one module together, ``"parameter"`` each in a block of its own.

    Raises:
        ArgumentError: It is none of these.

    Examples:
        >>> blocks(["0.weight", "0.bias", "2.weight"], "layer")
        {'0': ('0.weight', '0.bias'), '2': ('2.weight',)}
    """
    if grouping not in ("layer", "parameter", "none"):
        raise ArgumentError(f"blocks={grouping!r}: 'layer', 'parameter' or 'none' is accepted")
    found: dict[str, tuple[str, ...]] = {}
    for name in names if grouping != "none" else ():
        key = name.rpartition(".")[0] if grouping == "layer" and "." in name else name
        found[key] = (*found.get(key, ()), name)
    return found
