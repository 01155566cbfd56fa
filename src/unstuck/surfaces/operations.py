"""The operations that a formula is made of: their names, how they are written, what they mean, their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["DERIVATIVES", "PATTERNS", "SPELLINGS", "VOCABULARY"]

SPELLINGS = {
    "true_divide": "divide", "div": "divide", "pow": "power", "float_power": "power", "neg": "negative",
    "sub": "subtract", "mul": "multiply", "abs": "absolute", "fabs": "absolute", "arctan": "atan", "fmax": "maximum",
    "fmin": "minimum", "max": "maximum", "min": "minimum", "gt": "greater", "greater_equal": "greater", "ge": "greater",
}  # fmt: skip
"""Names under which NumPy and torch know an operation."""

PATTERNS = {
    "add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}", "power": "{} ** {}",
    "negative": "-{}", "absolute": "absolute({})", "greater": "greater({}, {})", "where": "where({}, {}, {})",
    "maximum": "maximum({}, {})", "minimum": "minimum({}, {})", "square": "{0} * {0}", "sqrt": "sqrt({})",
    "exp": "exp({})", "log": "log({})", "sin": "sin({})", "cos": "cos({})", "tan": "tan({})", "tanh": "tanh({})",
    "sinh": "sinh({})", "cosh": "cosh({})", "atan": "atan({})", "log1p": "log1p({})", "expm1": "expm1({})",
}  # fmt: skip
"""How each operation is written."""

VOCABULARY: dict[str, Any] = {
    **{name: getattr(np, name) for name in ("absolute", "greater", "where", "maximum", "minimum", "isfinite")},
    **{name: getattr(np, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh")},
    "atan": np.arctan,
    "log1p": np.log1p,
    "expm1": np.expm1,
}
"""What the words of a written formula mean."""

Locals = tuple[Any, ...]

DERIVATIVES: dict[str, Callable[..., Locals]] = {
    "add": lambda f, a, b: (1.0, 1.0),
    "subtract": lambda f, a, b: (1.0, -1.0),
    "multiply": lambda f, a, b: (b, a),
    "divide": lambda f, a, b: (1.0 / b, -f / b),
    "power": lambda f, a, b: _power_slopes(f, a, b),
    "negative": lambda f, a: (-1.0,),
    "absolute": lambda f, a: (f.recorder.apply("where", a > 0.0, 1.0, -1.0),),
    "greater": lambda f, a, b: (None, None),
    "where": lambda f, c, a, b: (None, _chosen(c, 1.0, 0.0), _chosen(c, 0.0, 1.0)),
    "maximum": lambda f, a, b: (_chosen(a > b, 1.0, 0.0), _chosen(a > b, 0.0, 1.0)),
    "minimum": lambda f, a, b: (_chosen(a > b, 0.0, 1.0), _chosen(a > b, 1.0, 0.0)),
    "square": lambda f, a: (2.0 * a,),
    "sqrt": lambda f, a: (0.5 / f,),
    "exp": lambda f, a: (f,),
    "log": lambda f, a: (1.0 / a,),
    "sin": lambda f, a: (a.cos(),),
    "cos": lambda f, a: (-a.sin(),),
    "tan": lambda f, a: (1.0 + f * f,),
    "tanh": lambda f, a: (1.0 - f * f,),
    "sinh": lambda f, a: (a.cosh(),),
    "cosh": lambda f, a: (a.sinh(),),
    "atan": lambda f, a: (1.0 / (1.0 + a * a),),
    "log1p": lambda f, a: (1.0 / (1.0 + a),),
    "expm1": lambda f, a: (f + 1.0,),
}
"""The derivatives of each operation by its operands; None where there is none to follow."""


def _chosen(condition: Any, yes: float, no: float) -> Any:
    return condition.recorder.apply("where", condition, yes, no)


def _power_slopes(f: Any, a: Any, b: Any) -> Locals:
    by_base = b * a ** (b - 1.0)
    return (by_base, None if b.name == "number" else f * a.log())
