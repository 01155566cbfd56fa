"""The distributions that weights are drawn from."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from unstuck.init.layers import Weight

Distribution = Literal["normal", "uniform", "orthogonal", "zeros"]


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """How to draw a weight: a distribution of mean zero, and its variance as a function of the fans.

    ``gain`` multiplies the standard deviation; it is the one for ReLU where the scheme was made for it.
    """

    name: str
    formula: str
    source: str
    variance: Callable[[float, float], float]
    distribution: Distribution = "normal"
    gain: float = 1.0

    def std(self, fan_in: float, fan_out: float, *, gain: float | None = None) -> float:
        """Return the standard deviation for these fans.

        >>> SCHEMES["he"].std(200, 100)
        0.1
        """
        return (self.gain if gain is None else gain) * math.sqrt(self.variance(fan_in, fan_out))

    def std_of(self, weight: Weight, *, gain: float | None = None) -> float:
        """Return the standard deviation that :meth:`draw` gives a weight."""
        if self.distribution == "orthogonal":
            # Entries of orthonormal rows or columns: it is the longer side of each block that counts, not the fans.
            return self.std(weight.columns, weight.rows, gain=gain)
        return self.std(weight.fan_in, weight.fan_out, gain=gain)

    def draw(self, weight: Weight, *, gain: float | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Return fresh values of shape (blocks, rows, columns) for a weight.

        They are drawn where the generator lives (the CPU by default), so that a seed gives the same model on any
        device.
        """
        dtype = torch.float64 if weight.parameter.dtype == torch.float64 else torch.float32
        device = torch.device("cpu") if generator is None else generator.device
        values = torch.empty(weight.blocks, weight.rows, weight.columns, dtype=dtype, device=device)
        std = self.std_of(weight, gain=gain)
        if self.distribution == "normal":
            return values.normal_(0.0, std, generator=generator)
        if self.distribution == "uniform":
            return values.uniform_(-math.sqrt(3) * std, math.sqrt(3) * std, generator=generator)
        if self.distribution == "orthogonal":
            return (self.gain if gain is None else gain) * _orthogonal(values.normal_(generator=generator))
        return values.zero_()


def _orthogonal(gaussian: Tensor) -> Tensor:
    """Return matrices with orthonormal rows or columns (whichever are fewer), uniform among all such.

    Source: Mezzadri, "How to generate random matrices from the classical compact groups" (2007), for the signs.
    """
    is_wide = gaussian.shape[-2] < gaussian.shape[-1]
    q, r = torch.linalg.qr(gaussian.mT if is_wide else gaussian)
    signs = torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(q.dtype)
    q = q * signs.unsqueeze(-2)
    return q.mT if is_wide else q


_ALL = (
    Scheme(
        name="normal",
        formula="N(0, 1)",
        source="the naive choice: far too large for any but the smallest layer (Nielsen, chapter 3)",
        variance=lambda fan_in, fan_out: 1.0,
    ),
    Scheme(
        name="lecun",
        formula="N(0, 1/n)",
        source="LeCun, Bottou, Orr and Müller, 'Efficient BackProp' (1998), equation 16",
        variance=lambda fan_in, fan_out: 1.0 / fan_in,
    ),
    Scheme(
        name="small",
        formula="N(0, 0.02^2)",
        source="Radford et al., DCGAN (2016) and GPT (2018): a standard deviation of 0.02 whatever the size",
        variance=lambda fan_in, fan_out: 0.02**2,
    ),
    Scheme(
        name="xavier",
        formula="N(0, 2/(n_in + n_out))",
        source="Glorot and Bengio, 'Understanding the difficulty of training deep networks' (2010), equation 12",
        variance=lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
    ),
    Scheme(
        name="xavier_uniform",
        formula="U(-a, a), a^2 = 6/(n_in + n_out)",
        source="Glorot and Bengio (2010), equation 16",
        variance=lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
        distribution="uniform",
    ),
    Scheme(
        name="he",
        formula="N(0, 2/n)",
        source="He, Zhang, Ren and Sun, 'Delving deep into rectifiers' (2015), equation 10",
        variance=lambda fan_in, fan_out: 1.0 / fan_in,
        gain=math.sqrt(2.0),
    ),
    Scheme(
        name="he_uniform",
        formula="U(-a, a), a^2 = 6/n",
        source="He et al. (2015), equation 10, drawn uniformly",
        variance=lambda fan_in, fan_out: 1.0 / fan_in,
        distribution="uniform",
        gain=math.sqrt(2.0),
    ),
    Scheme(
        name="zeros",
        formula="0",
        source="to show why not: all units of a layer stay copies of each other",
        variance=lambda fan_in, fan_out: 0.0,
        distribution="zeros",
    ),
    Scheme(
        name="orthogonal",
        formula="uniform among orthogonal matrices",
        source="Saxe, McClelland and Ganguli, 'Exact solutions to the nonlinear dynamics of learning' (2014)",
        variance=lambda fan_in, fan_out: 1.0 / max(fan_in, fan_out),
        distribution="orthogonal",
    ),
)

#: Every scheme by name. ``initialize`` also takes a :class:`Scheme` of your own.
SCHEMES: dict[str, Scheme] = {scheme.name: scheme for scheme in _ALL}
_OTHER_NAMES = {
    "glorot": "xavier",
    "glorot_uniform": "xavier_uniform",
    "kaiming": "he",
    "kaiming_uniform": "he_uniform",
}


def find(name: object) -> Scheme | None:
    """Return the scheme of a name, or None for ``"auto"``.

    Raises:
        TypeError: If ``name`` is neither a name nor a scheme.
        ValueError: If no scheme has this name.
    """
    if isinstance(name, Scheme):
        return name
    if not isinstance(name, str):
        raise TypeError(f"scheme must be a name or a Scheme, got {name!r} ({type(name).__name__})")
    key = _OTHER_NAMES.get(name.lower(), name.lower())
    if key == "auto":
        return None
    if key in SCHEMES:
        return SCHEMES[key]
    accepted = ["auto", *SCHEMES]
    near = difflib.get_close_matches(key, [*accepted, *_OTHER_NAMES], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"scheme must be one of {', '.join(accepted)}, got {name!r}{hint}")
