"""The loss functions of PyTorch by their names, as a call of them is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

__all__ = ["BINARY", "CLASSES", "LOSSES", "REGRESSIONS", "SQUARED", "same_shape"]

REGRESSIONS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
SQUARED = ("mse_loss",)
CLASSES = ("cross_entropy", "nll_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")

LOSSES: Mapping[str, Any] = {name: getattr(F, name) for name in (*REGRESSIONS, *CLASSES, *BINARY, "kl_div")}
"""Functions that take outputs first, as ``input``, and targets second, as ``target``."""


def same_shape(output: Any, target: Any) -> Any:
    """The output in the shape of the target, where both hold as many numbers; else as it is.

    Examples:
        >>> import torch
        >>> same_shape(torch.zeros(4, 1), torch.zeros(4)).shape
        torch.Size([4])
    """
    if not (isinstance(output, Tensor) and isinstance(target, Tensor)) or output.shape == target.shape:
        return output
    return output.reshape(target.shape) if output.numel() == target.numel() else output
