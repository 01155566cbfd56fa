"""Keep what is detached at its values: a gradient is then the derivative of what is left to move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["Held"]


class Held(TorchFunctionMode):
    """Give the results of ``detach`` and ``.data`` the values that they had before, in the order of their calls.

    A hard sample of ``gumbel_softmax`` detaches within: its distance from the soft one is kept.

    Attributes:
        kept: The values.
    """

    def __init__(self, kept: Sequence[Tensor] | None = None) -> None:
        super().__init__()
        self.kept = list(kept or ())
        self._left = None if kept is None else iter(kept)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call, and keep or give back what is detached.

        Raises:
            RuntimeError: More is detached than before, or of another shape.
        """
        kwargs = kwargs or {}
        if func is functional.gumbel_softmax:
            return self._sampled(*args, **kwargs)
        result = func(*args, **kwargs)
        return self._keep(result) if _detaches(func) else result

    def _keep(self, result: Tensor) -> Tensor:
        if self._left is None:
            self.kept.append(result.clone())
            return result
        before = next(self._left, None)
        if before is None or before.shape != result.shape:
            raise RuntimeError("what is detached has changed from one evaluation to the next")
        return before.clone()

    def _sampled(self, logits: Tensor, tau: float = 1.0, hard: bool = False, **rest: Any) -> Tensor:
        drawn = torch.get_rng_state()
        soft = functional.gumbel_softmax(logits, tau, hard=False, **rest)
        if not hard:
            return soft
        torch.set_rng_state(drawn)
        return soft + self._keep((functional.gumbel_softmax(logits, tau, hard=True, **rest) - soft).detach())


def _detaches(func: Any) -> bool:
    return getattr(func, "__name__", "") == "detach" or getattr(func, "__self__", None) is Tensor.data
