from typing import Any

import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.nn import LSTM


def by_hand(model: torch.nn.Sequential, symbols: list[int]) -> torch.Tensor:
    """The formula of the class, one symbol at a time, in torch's order of the gates: input, forget, cell, output."""
    weights = dict(model.named_parameters())
    hidden = model[2].in_features
    h = c = torch.zeros(hidden)
    scores: list[torch.Tensor] = []
    for symbol in symbols:
        x = weights["0.weight"][symbol]
        gates = weights["1.lstm.weight_ih_l0"] @ x + weights["1.lstm.bias_ih_l0"]
        gates = gates + weights["1.lstm.weight_hh_l0"] @ h + weights["1.lstm.bias_hh_l0"]
        i, f, g, o = gates.split(hidden)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        scores.append(weights["2.weight"] @ h + weights["2.bias"])
    return torch.stack(scores, dim=1)


def test_it_is_the_formula() -> None:
    torch.manual_seed(0)
    model = LSTM(embedding=3, hidden=4).build((6,), 5)
    symbols = [4, 0, 2, 2, 1, 3]
    torch.testing.assert_close(model(torch.tensor([symbols]))[0], by_hand(model, symbols))


def test_layers_and_dropout() -> None:
    model = LSTM(embedding=3, hidden=4, layers=2, dropout=0.5).build((6,), 5)
    kinds = [type(layer).__name__ for layer in model]
    assert kinds == ["Embedding", "Recurrent", "Dropout", "Linear", "ClassesFirst"]
    assert model.get_submodule("1.lstm").dropout == 0.5
    assert LSTM(dropout=0.5).build((6,), 5).get_submodule("1.lstm").dropout == 0.0


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden": 0}, "hidden=0: a whole number from 1"),
        ({"embedding": 2.5}, "embedding=2.5"),
        ({"layers": True}, "layers=True"),
        ({"dropout": 1.0}, "dropout=1.0"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        LSTM(**sizes)
