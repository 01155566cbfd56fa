"""The weights of a layer, cut into the matrices that act, with their fans."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
FEED_FORWARD = (nn.Linear, nn.Bilinear, *CONVOLUTIONS, *TRANSPOSED)
RECURRENT = (nn.RNNBase, nn.RNNCellBase)
LAYERS = (*FEED_FORWARD, *RECURRENT, nn.MultiheadAttention)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)

Role = Literal["feed-forward", "input", "hidden"]


@dataclass(frozen=True)
class Weight:
    """One weight parameter, seen as ``blocks`` matrices of ``rows`` outputs times ``columns`` inputs.

    A block is a group of a convolution, a gate of a recurrent layer, or the query, key or value of an attention:
    matrices that act apart, each to be scaled (or made orthogonal) by itself.

    ``fan_in`` counts the inputs that reach one output, ``fan_out`` the outputs that one input reaches, both averaged
    over positions. So groups divide both, a stride divides the fan-out of a convolution and the fan-in of a
    transposed one. (``torch.nn.init`` ignores groups in its fan-out, strides, and swaps the fans of a transposed
    convolution; for a plain layer the numbers are the same.)
    """

    name: str
    parameter: nn.Parameter
    role: Role
    blocks: int
    rows: int
    columns: int
    fan_in: float
    fan_out: float
    input_first: bool = False

    def write(self, matrices: Tensor) -> None:
        """Copy values of shape (blocks, rows, columns) into the parameter."""
        if self.input_first:
            kernel = self.parameter.shape[2:]
            inputs = self.columns // math.prod(kernel)
            matrices = matrices.reshape(self.blocks, self.rows, inputs, *kernel).transpose(1, 2)
        with torch.no_grad():
            self.parameter.copy_(matrices.reshape(self.parameter.shape))


def require_module(value: object) -> None:
    """Raise TypeError unless ``value`` is a module."""
    if not isinstance(value, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(value).__name__}")


def weights_of(module: nn.Module) -> Iterator[Weight]:
    """Yield the weights of a layer; none for a module of any other kind, or for a weight that is computed.

    >>> (weight,) = weights_of(nn.Conv2d(8, 12, 3, groups=4))
    >>> weight.blocks, weight.rows, weight.columns, weight.fan_in, weight.fan_out
    (4, 3, 18, 18, 27.0)
    """
    parameters = dict(module.named_parameters(recurse=False))
    if isinstance(module, FEED_FORWARD):
        # A parametrised weight (weight norm, spectral norm) is computed at each use: writing into it has no effect.
        if "weight" in parameters:
            yield _feed_forward(module, parameters["weight"])
    elif isinstance(module, RECURRENT):
        for name, parameter in parameters.items():
            if name.startswith("weight"):
                yield _recurrent(module, name, parameter)
    elif isinstance(module, nn.MultiheadAttention):
        for name, parameter in parameters.items():
            if name.endswith("proj_weight"):
                rows = module.embed_dim
                blocks, columns = parameter.shape[0] // rows, parameter.shape[1]
                yield Weight(name, parameter, "input", blocks, rows, columns, columns, rows)


def _feed_forward(module: nn.Module, weight: nn.Parameter) -> Weight:
    if isinstance(module, CONVOLUTIONS):
        kernel, groups, stride = math.prod(module.kernel_size), module.groups, math.prod(module.stride)
        rows, columns = module.out_channels // groups, module.in_channels // groups * kernel
        return Weight("weight", weight, "feed-forward", groups, rows, columns, columns, rows * kernel / stride)
    if isinstance(module, TRANSPOSED):
        kernel, groups, stride = math.prod(module.kernel_size), module.groups, math.prod(module.stride)
        rows, columns = module.out_channels // groups, module.in_channels // groups * kernel
        fans = columns / stride, rows * kernel
        return Weight("weight", weight, "feed-forward", groups, rows, columns, *fans, input_first=True)
    rows, columns = weight.shape[0], math.prod(weight.shape[1:])
    return Weight("weight", weight, "feed-forward", 1, rows, columns, columns, rows)


def _recurrent(module: nn.Module, name: str, weight: nn.Parameter) -> Weight:
    role: Role = "hidden" if name.startswith("weight_hh") else "input"
    is_projection = name.startswith("weight_hr")
    hidden = weight.shape[0] if is_projection else int(getattr(module, "hidden_size"))  # noqa: B009
    blocks, columns = weight.shape[0] // hidden, weight.shape[1]
    return Weight(name, weight, role, blocks, hidden, columns, columns, hidden)
