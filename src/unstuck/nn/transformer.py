"""A small causal transformer that tells the next symbol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from unstuck.errors import ArgumentError
from unstuck.nn import arguments
from unstuck.nn.architecture import Architecture
from unstuck.nn.sequence import ClassesFirst, length_of

__all__ = ["CausalAttention", "Positions", "Residual", "Transformer"]

EMBEDDING_STD = 0.02
"""Standard deviation of fresh embeddings (Radford et al., GPT-2, 2019)."""


@final
class Positions(nn.Module):
    """Add to each place of a sequence what is learned of that place."""

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.empty(length, width).normal_(std=EMBEDDING_STD))

    def forward(self, inputs_NTD: Tensor) -> Tensor:
        """Inputs of any length up to that which it was built for."""
        return inputs_NTD + self.places[: inputs_NTD.shape[1]]


@final
class CausalAttention(nn.Module):
    r"""Each place takes a weighted mean of what itself and earlier places offer, in several heads.

    .. math:: \mathrm{softmax}\left(Q K^T / \sqrt{d} + M\right) V, \qquad M_{ij} = -\infty \text{ for } j > i

    Source: Vaswani et al. (2017), "Attention is all you need", equation 1.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)

    def forward(self, inputs_NTD: Tensor) -> Tensor:
        """The means, joined over heads, of the shape of the inputs."""
        parts = self.ask(inputs_NTD).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed_NHTS = scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        return self.join(mixed_NHTS.transpose(1, 2).flatten(2))


@final
class Residual(nn.Module):
    """x + f(norm(x)): the norm before the branch, so that gradients have a way past it."""

    def __init__(self, width: int, *branch: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.branch = nn.Sequential(*branch)

    def forward(self, inputs_NTD: Tensor) -> Tensor:
        """The sum, of the shape of the inputs."""
        return inputs_NTD + self.branch(self.norm(inputs_NTD))


@final
@dataclass(frozen=True, kw_only=True)
class Transformer(Architecture):
    """Blocks of causal attention and a two-layer perceptron, each on a residual branch with the norm first.

    Inputs are symbols (N, T), outputs scores (N, C, T) for the symbol after each place; no place sees later ones.

    Args:
        width: Numbers that stand for a place of the sequence.
        heads: Heads of each attention; they share the width out.
        layers: Blocks.
        dropout: Share of each branch's outputs dropped while training.

    Raises:
        ArgumentError: A size or the share is not accepted, or the heads do not divide the width.

    Source: Vaswani et al. (2017), "Attention is all you need"; the norm first as Xiong et al. (2020), "On layer
    normalization in the transformer architecture".

    Examples:
        >>> model = Transformer(width=16, heads=2, layers=1).build((64,), 96)
        >>> model(torch.zeros(5, 64, dtype=torch.int64)).shape
        torch.Size([5, 96, 64])
    """

    name: Literal["transformer"] = "transformer"
    width: int = 64
    heads: int = 4
    layers: int = 2
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("width", "heads", "layers"):
            arguments.size(name, getattr(self, name))
        arguments.share("dropout", self.dropout)
        if self.width % self.heads:
            raise ArgumentError(f"heads={self.heads!r}: a divisor of the width, {self.width}, is accepted")

    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model; there are as many symbols to read as to tell.

        Raises:
            ArgumentError: The inputs are no sequences.
        """
        symbols = nn.Embedding(outputs, self.width)
        nn.init.normal_(symbols.weight, std=EMBEDDING_STD)
        layers: list[nn.Module] = [symbols, Positions(length_of(self.name, features), self.width)]
        for _ in range(self.layers):
            layers += [
                Residual(self.width, CausalAttention(self.width, self.heads), nn.Dropout(self.dropout)),
                Residual(
                    self.width,
                    nn.Linear(self.width, 4 * self.width),
                    nn.GELU(),
                    nn.Linear(4 * self.width, self.width),
                    nn.Dropout(self.dropout),
                ),
            ]
        return nn.Sequential(*layers, nn.LayerNorm(self.width), nn.Linear(self.width, outputs), ClassesFirst())
