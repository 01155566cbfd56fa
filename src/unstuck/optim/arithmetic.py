"""The three functions that update rules need beyond + - * / and **.

They act on whatever they are given: Python floats, NumPy arrays, torch tensors, or the symbols from which the
compiled kernels are generated. That is what lets one formula serve every engine.
"""

from typing import Any

import numpy as np
import torch

from unstuck.optim.symbols import Symbol, select

__all__ = ["maximum", "sqrt", "where"]


def sqrt(x: Any) -> Any:
    """Square root, elementwise.

    Example:
        >>> sqrt(4.0)
        2.0
    """
    return x.sqrt() if isinstance(x, (torch.Tensor, Symbol)) else _plain(np.sqrt(x))


def maximum(x: Any, y: Any) -> Any:
    """The larger of two values, elementwise; NaN where either is NaN.

    Example:
        >>> maximum(1.0, 2.0)
        2.0
    """
    if isinstance(x, Symbol) or isinstance(y, Symbol):
        return Symbol.of(x).maximum(y)
    if isinstance(x, torch.Tensor):
        return torch.maximum(x, torch.as_tensor(y, dtype=x.dtype, device=x.device))
    return _plain(np.maximum(x, y))


def where(condition: Any, x: Any, y: Any) -> Any:
    """``x`` where the condition holds and ``y`` elsewhere; the condition is one number a parameter tensor.

    Example:
        >>> where(2 > 1, 10.0, 20.0)
        10.0
    """
    if isinstance(condition, Symbol):
        return select(condition, x, y)
    if isinstance(condition, torch.Tensor):
        return torch.where(condition, x, y)
    return x if condition else y


def _plain(x: Any) -> Any:
    """A Python float for a NumPy scalar, so that torch and text see ordinary numbers."""
    return float(x) if isinstance(x, np.floating) else x
