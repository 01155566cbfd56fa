"""Which way each kinked operation of a forward pass went, in one number an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from unstuck.gradcheck.copies import promoting

__all__ = ["Recorder"]

Choice = Callable[..., Tensor | None]


class Recorder(TorchFunctionMode):
    """Watch the calls of torch within a forward pass; works under ``vmap`` too.

    Attributes:
        codes: For each operation that chooses, a hash of what it chose, shape ().
        names: The names of these operations.
        narrow: Name of the first operation whose result is of lower precision than float64; None where there is none.
        numbers: Numbers computed: an upper bound of the memory that the pass needs.
    """

    def __init__(self, *, choices: bool = False, promote: bool = False, constants: bool = False) -> None:
        super().__init__()
        self.codes: list[Tensor] = []
        self.names: list[str] = []
        self.narrow: str | None = None
        self.numbers = 0
        self._choices, self._promote, self._constants = choices, promote, constants

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call, and note."""
        kwargs = kwargs or {}
        if self._promote:
            func, args, kwargs = promoting(func, args, kwargs)
        name = getattr(func, "__name__", "")
        if self._choices and (choice := CHOICES.get(name.strip("_"))):
            # Before the call, for it may work in place.
            before = None if choice is _result else _seen(choice, args, kwargs)
            result = func(*args, **kwargs)
            chosen = _result(result) if choice is _result else before
            if chosen is not None:
                self.codes.append(_hash(chosen))
                self.names.append(name)
        else:
            result = func(*args, **kwargs)
        if isinstance(result, Tensor) and result.is_floating_point():
            if self._constants and result.dtype == torch.get_default_dtype() and _is_constant(args, kwargs):
                result = result.double()
            self.numbers += result.numel()
            if self.narrow is None and result.dtype != torch.float64:
                self.narrow = name
        return result


def _is_constant(args: Any, kwargs: Any) -> bool:
    """Whether a tensor is made of no other, and of no type that its author chose."""
    return kwargs.get("dtype") is None and not any(isinstance(v, Tensor) for v in pytree.tree_leaves((args, kwargs)))


def _seen(choice: Choice, args: Any, kwargs: Any) -> Tensor | None:
    """What an operation chooses; None where it was called in a way that we do not know: slopes then tell its kinks."""
    try:
        return choice(*args, **kwargs)
    except (TypeError, RuntimeError, AttributeError, IndexError):
        return None


def _hash(choice: Tensor) -> Tensor:
    """Pseudo-random weights, summed where the choice is made: other choices give another sum."""
    flat = choice.reshape(-1).to(torch.int64)
    places = torch.arange(1, flat.shape[0] + 1, device=flat.device)
    weights = (places * 6364136223846793005 + 1442695040888963407) >> 17
    return (flat * weights).sum()


def _above(*levels: float) -> Choice:
    def choice(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return torch.stack([x > level for level in levels])

    return choice


def _shrink(x: Tensor, lambd: float = 0.5, **_: Any) -> Tensor:
    return torch.stack([x > lambd, x < -lambd])


def _hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0, *_: Any, **__: Any) -> Tensor:
    return torch.stack([x > min_val, x > max_val])


def _threshold(x: Tensor, threshold: float, *_: Any, **__: Any) -> Tensor:
    return x > threshold


def _clamp(x: Tensor, min: Any = None, max: Any = None, **_: Any) -> Tensor | None:  # noqa: A002
    sides = [x > bound for bound in (min, max) if bound is not None]
    return torch.stack(torch.broadcast_tensors(*sides)) if sides else None


def _difference(x: Tensor, y: Any = None, *_: Any, **__: Any) -> Tensor:
    return x > y


def _extreme(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The argument of a largest or smallest value; the order of all where a dimension is not given."""
    if args and isinstance(args[0], Tensor):
        return x > args[0]
    return torch.argsort(x.reshape(-1), stable=True)


def _pool(pool: Callable[..., Any]) -> Choice:
    def choice(*args: Any, **kwargs: Any) -> Tensor:
        return pool(*args, **{**kwargs, "return_indices": True})[1]

    return choice


def _result(result: Any) -> Tensor | None:
    return result if isinstance(result, Tensor) and not result.requires_grad else None


_ZERO = _above(0.0)
CHOICES: dict[str, Choice] = {
    **dict.fromkeys(("relu", "leaky_relu", "rrelu", "prelu", "selu", "elu", "celu", "abs", "absolute"), _ZERO),
    "relu6": _above(0.0, 6.0),
    **dict.fromkeys(("hardsigmoid", "hardswish"), _above(-3.0, 3.0)),
    "hardtanh": _hardtanh,
    "threshold": _threshold,
    **dict.fromkeys(("hardshrink", "softshrink"), _shrink),
    **dict.fromkeys(("clamp", "clip", "clamp_min"), _clamp),
    "clamp_max": _difference,
    **dict.fromkeys(("maximum", "minimum", "l1_loss"), _difference),
    **dict.fromkeys(("max", "min", "amax", "amin", "sort", "topk", "median"), _extreme),
    **dict.fromkeys(("gt", "lt", "ge", "le", "sign", "floor", "ceil", "round", "trunc", "argmax"), _result),
    "max_pool1d": _pool(functional.max_pool1d),
    "max_pool2d": _pool(functional.max_pool2d),
    "max_pool3d": _pool(functional.max_pool3d),
    "adaptive_max_pool1d": _pool(functional.adaptive_max_pool1d),
    "adaptive_max_pool2d": _pool(functional.adaptive_max_pool2d),
    "adaptive_max_pool3d": _pool(functional.adaptive_max_pool3d),
}
"""How to see the choice of an operation, by its name: from its arguments, or from its result."""
