"""A recurrent network that tells the next symbol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from torch import Tensor, nn

from unstuck.nn import arguments
from unstuck.nn.architecture import Architecture
from unstuck.nn.sequence import ClassesFirst, length_of

__all__ = ["LSTM", "Recurrent"]


@final
class Recurrent(nn.Module):
    """An LSTM that begins each sequence with an empty memory, and gives the state at every place."""

    def __init__(self, width: int, hidden: int, *, layers: int, dropout: float) -> None:
        super().__init__()
        # Torch drops between layers only, and warns where there is no between.
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, dropout=between)

    def forward(self, inputs_NTD: Tensor) -> Tensor:
        """States of shape (N, T, H)."""
        return self.lstm(inputs_NTD)[0]


@final
@dataclass(frozen=True, kw_only=True)
class LSTM(Architecture):
    r"""Long short-term memory over embedded symbols, and at each place scores for the symbol that follows.

    .. math::
        i, f, o = \sigma(W_{i,f,o} [x_t, h_{t-1}]), \quad
        c_t = f \odot c_{t-1} + i \odot \tanh(W_c [x_t, h_{t-1}]), \quad h_t = o \odot \tanh(c_t)

    Inputs are symbols (N, T), outputs scores (N, C, T).

    Args:
        embedding: Numbers that stand for a symbol.
        hidden: Units of each layer.
        layers: Layers on top of each other.
        dropout: Share of the states dropped while training, between layers and before the scores.

    Raises:
        ArgumentError: A size or the share is not accepted.

    Source: Hochreiter and Schmidhuber (1997), "Long short-term memory"; with the forget gate of Gers et al. (2000).

    Examples:
        >>> LSTM(embedding=8, hidden=16).build((64,), 96)
        Sequential(
          (0): Embedding(96, 8)
          (1): Recurrent(
            (lstm): LSTM(8, 16, batch_first=True)
          )
          (2): Linear(in_features=16, out_features=96, bias=True)
          (3): ClassesFirst()
        )
    """

    name: Literal["lstm"] = "lstm"
    embedding: int = 32
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("embedding", "hidden", "layers"):
            arguments.size(name, getattr(self, name))
        arguments.share("dropout", self.dropout)

    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model; there are as many symbols to read as to tell.

        Raises:
            ArgumentError: The inputs are no sequences.
        """
        length_of(self.name, features)
        layers: list[nn.Module] = [nn.Embedding(outputs, self.embedding)]
        layers.append(Recurrent(self.embedding, self.hidden, layers=self.layers, dropout=self.dropout))
        if self.dropout:
            layers.append(nn.Dropout(self.dropout))
        return nn.Sequential(*layers, nn.Linear(self.hidden, outputs), ClassesFirst())
