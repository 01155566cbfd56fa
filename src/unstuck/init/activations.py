"""Activation functions: which are known, how a layer before each should be scaled, where each saturates."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional

Elementwise = Callable[[Tensor], Tensor]

#: Functions by the name that torch gives them, and the scheme for the layer before each.
_SCHEME_BEFORE: dict[str, Literal["he", "xavier", "lecun"]] = {
    **dict.fromkeys(("relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "celu", "gelu", "silu", "mish"), "he"),
    **dict.fromkeys(("softplus", "hardswish", "maxout", "glu"), "he"),
    **dict.fromkeys(("tanh", "hardtanh", "softsign", "sigmoid", "hardsigmoid", "logsigmoid"), "xavier"),
    **dict.fromkeys(("softmax", "log_softmax", "softmin", "none"), "xavier"),
    "selu": "lecun",
}
_ALIASES = {"expit": "sigmoid", "special_expit": "sigmoid", "swish": "silu", "special_softmax": "softmax"}
#: 5/3 for tanh is customary (LeCun et al. 1998 scale tanh so that its effective gain is one); where the mean
#: of the output is far from zero, as for a sigmoid, keeping the second moment would not keep the spread.
_FIXED_GAIN = {
    "tanh": 5 / 3,
    **dict.fromkeys(("sigmoid", "hardsigmoid", "logsigmoid", "softmax", "log_softmax", "softmin", "none"), 1.0),
}
_BOUNDED = frozenset(("tanh", "hardtanh", "softsign", "sigmoid", "hardsigmoid", "relu6"))


@dataclass(frozen=True)
class Activation:
    """An activation function as it stands in a model, with its own arguments bound.

    >>> Activation("leaky_relu", functional.leaky_relu).gain
    1.41414
    """

    name: str
    function: Elementwise
    pieces: int = 1  #: it takes the largest of so many outputs of the layer: more than one for maxout

    @property
    def scheme(self) -> Literal["he", "xavier", "lecun"]:
        """Name of the scheme for the layer before it."""
        return _SCHEME_BEFORE[self.name]

    @property
    def gain(self) -> float:
        r"""Factor on the standard deviation of the layers around it.

        With weights of variance gain^2 / n, what enters the activation keeps unit variance from layer to layer if

        .. math:: \mathrm{gain}^2\; \mathbb{E}[f(z)^2] = 1, \qquad z \sim N(0, 1)

        which gives sqrt(2) for ReLU, sqrt(2 / (1 + a^2)) for leaky ReLU and 1 for SELU. The integral is taken
        numerically from the very function that the model uses. For maxout, z is the largest of k such numbers, of
        density :math:`k\, \phi(z)\, \Phi(z)^{k-1}`: 1 for two of them, less for more. A gated linear unit multiplies
        one such number by the sigmoid of another, so that f is the sigmoid: 1.85. tanh has the customary 5/3; sigmoid
        and what ends a network have 1.

        Source: He et al., "Delving deep into rectifiers" (2015), equations 9 and 15.
        """
        if self.name in _FIXED_GAIN:
            return _FIXED_GAIN[self.name]
        z = torch.linspace(-12, 12, 24_001, dtype=torch.float64)
        density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        density = self.pieces * density * torch.special.ndtr(z) ** (self.pieces - 1)
        function = torch.sigmoid if self.name == "glu" else self.function
        with torch.no_grad():
            second_moment = torch.trapezoid(function(z.clone()) ** 2 * density, z).item()
        return 1.0 / math.sqrt(second_moment) if second_moment > 0 else 1.0

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Least and greatest output of a function that saturates at both ends, None for any other."""
        if self.name not in _BOUNDED:
            return None
        with torch.no_grad():
            low, high = self.function(torch.tensor([-1e9, 1e9], dtype=torch.float64)).tolist()
        return low, high


NONE = Activation("none", lambda z: z)


def of_module(module: nn.Module) -> Activation | None:
    """Return the activation that a module is, or None if it is none that is known."""
    if is_maxout(module):
        return Activation("maxout", lambda z: z, pieces=int(module.pieces))
    name = _known(_MODULE_NAMES.get(type(module).__name__, type(module).__name__.lower()))
    if name is None or not type(module).__module__.startswith("torch.nn"):
        return None
    if isinstance(module, nn.PReLU):
        return Activation(name, _leaky(module.weight))
    return Activation(name, copy.deepcopy(module).double().eval())


def is_maxout(module: nn.Module) -> TypeGuard[Any]:
    """Tell :class:`unstuck.nn.Maxout`, and others' of the same make, by the name and the number of its pieces."""
    return type(module).__name__ == "Maxout" and isinstance(getattr(module, "pieces", None), int)


def of_call(
    name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Activation | None:
    """Return the activation that a call of a torch function or tensor method is, or None.

    ``x.clamp(min=0)`` is taken for the ReLU that it is.
    """
    name = name.strip("_")
    if name in ("clamp", "clamp_min"):
        low = args[1] if len(args) > 1 else kwargs.get("min")
        high = args[2] if len(args) > 2 else kwargs.get("max")
        is_relu = isinstance(low, (int, float)) and low == 0 and high is None
        return Activation("relu", functional.relu) if is_relu else None
    known = _known(name)
    if known is None:
        return None
    if known == "prelu":
        return Activation(known, _leaky(args[1] if len(args) > 1 else kwargs["weight"]))
    # The input may be named (F.relu(input=x)); the rest, such as a slope, belongs to the function.
    rest = {key: value for key, value in kwargs.items() if key not in ("input", "out")}
    found = Activation(known, lambda z: function(z, *args[1:], **rest))
    # nn.ReLU6 calls hardtanh from 0 to 6.
    is_rectifier = known == "hardtanh" and found.bounds is not None and found.bounds[0] == 0
    return replace(found, name="relu6") if is_rectifier else found


def of_value(value: object) -> Activation | None:
    """Return the activation that a function or module kept as an attribute is, or None."""
    if isinstance(value, nn.Module):
        return of_module(value)
    if callable(value):
        return of_call(getattr(value, "__name__", ""), value, (), {})
    return None


_MODULE_NAMES = {
    "LeakyReLU": "leaky_relu",
    "LogSoftmax": "log_softmax",
    "Softmax2d": "softmax",
    "ReLU6": "relu6",
}


def _known(name: str) -> str | None:
    name = _ALIASES.get(name, name)
    return name if name in _SCHEME_BEFORE and name != "none" else None


def _leaky(slopes: object) -> Elementwise:
    # One slope a channel: the mean square is what the second moment sees.
    slope = slopes.detach().double().square().mean().sqrt().item() if isinstance(slopes, Tensor) else 0.25
    return partial(functional.leaky_relu, negative_slope=slope)
