"""How far the entries of a feature map see: receptive fields, followed from tensor to tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unstuck.nn.window import windows

__all__ = ["Field", "FieldsFollowed"]

MIXING = ("conv", "pool", "linear", "matmul", "mm", "interpolate", "attention", "einsum", "transpose", "permute", "fft")
"""Parts of the names of functions after which a field is not known, unless a layer says what it did."""


@dataclass(frozen=True)
class Field:
    r"""The square of the input that one entry of a feature map depends on, for each axis.

    .. math:: r_l = r_{l-1} + (k_l - 1)\, j_{l-1}, \qquad j_l = s_l\, j_{l-1}, \qquad r_0 = j_0 = 1

    with the kernel k (dilation included), the stride s, and the jump j, the distance in the input between neighbours.

    Source: Araujo, Norris and Sim (2019), "Computing receptive fields of convolutional neural networks", equation 2.
    """

    size: tuple[int, ...]
    jump: tuple[int, ...]

    def through(self, layer: nn.Module) -> Field:
        """The field behind a convolution or pooling.

        Examples:
            >>> Field((1, 1), (1, 1)).through(nn.Conv2d(1, 1, 3)).through(nn.MaxPool2d(2)).through(nn.Conv2d(1, 1, 3))
            Field(size=(8, 8), jump=(2, 2))
        """
        axes = list(zip(self.size, self.jump, windows(layer), strict=True))
        return Field(
            tuple(size + (window.kernel - 1) * jump for size, jump, window in axes),
            tuple(jump * window.stride for _, jump, window in axes),
        )


class FieldsFollowed(TorchFunctionMode):
    """While entered, knows the field of every feature map that was computed from the input.

    Sums and joins of branches have the larger field; what mixes entries in another way has none.
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self._axes = inputs.ndim - 2
        # The tensors are kept, for the identity of a freed one is given to another.
        self._known: dict[int, tuple[Tensor, Field]] = {}
        if self._axes > 0:
            self.note(inputs, Field((1,) * self._axes, (1,) * self._axes))

    def of(self, value: object) -> Field | None:
        """The field of a tensor, None if it is not known."""
        return self._known[id(value)][1] if id(value) in self._known else None

    def note(self, value: object, field: Field | None) -> None:
        """Remember the field of a feature map."""
        if isinstance(value, Tensor) and field is not None and value.ndim == self._axes + 2:
            self._known[id(value)] = (value, field)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        name = str(getattr(func, "__name__", ""))
        if isinstance(output, Tensor) and id(output) not in self._known and not any(part in name for part in MIXING):
            given = [self.of(value) for argument in args for value in _entries(argument)]
            fields = [field for field in given if field is not None]
            if fields:
                self.note(output, max(fields, key=lambda field: field.size))
        return output


def _entries(argument: object) -> Sequence[object]:
    return cast("Sequence[object]", argument) if isinstance(argument, list | tuple) else (argument,)
