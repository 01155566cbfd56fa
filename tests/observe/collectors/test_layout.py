from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.collectors.layout import Reshapes, normalisation_of, recurrence_of


def test_a_view_that_renames_axes_is_told_from_one_that_joins_them() -> None:
    x = torch.randn(6, 4, 3)
    fact = Reshapes().see(Tensor.view, (x, 4, 6, 3), x.view(4, 6, 3), "net")
    assert fact is not None
    assert (fact.before, fact.after, fact.function) == ((6, 4, 3), (4, 6, 3), "view")
    for shape in ((6, 12), (24, 3), (6, 4, 3), (6, 2, 2, 3), (6, 1, 4, 3)):
        assert Reshapes().see(Tensor.reshape, (x, *shape), x.reshape(shape), "") is None
    assert Reshapes().see(torch.transpose, (x, 0, 1), x.transpose(0, 1), "") is None


def test_axes_that_were_joined_are_split_in_their_own_order() -> None:
    def split(reshapes: Reshapes, *shape: int) -> tuple[int, ...] | None:
        fact = reshapes.see(Tensor.view, (torch.empty(24, 3), *shape), torch.empty(24, 3).view(shape), "net")
        return fact.before if fact is not None else None

    def join(reshapes: Reshapes, *shape: int) -> None:
        x = torch.empty(*shape, 3)
        assert reshapes.see(Tensor.flatten, (x, 0, 1), x.flatten(0, 1), "net") is None

    reshapes = Reshapes()
    assert split(reshapes, 4, 6, 3) is None
    join(reshapes, 6, 4)
    assert split(reshapes, 6, 4, 3) is None
    assert split(reshapes, 4, 6, 3) == (6, 4, 3)
    assert split(reshapes, 2, 12, 3) is None
    join(reshapes, 4, 6)
    assert split(reshapes, 4, 6, 3) is None
    reshapes.forget()
    assert split(reshapes, 4, 6, 3) is None


def test_recurrent_layers_and_attention_tell_their_layout() -> None:
    fact = recurrence_of(nn.LSTM(3, 4), (torch.randn(6, 5, 3),), "lstm")
    assert fact is not None
    assert (fact.type, fact.batch_first, fact.shape) == ("LSTM", False, (6, 5, 3))
    fact = recurrence_of(nn.MultiheadAttention(4, 2, batch_first=True), (torch.randn(6, 5, 4),) * 3, "attention")
    assert fact is not None
    assert (fact.type, fact.batch_first) == ("MultiheadAttention", True)
    assert recurrence_of(nn.GRU(3, 4), (torch.randn(6, 3),), "") is None
    assert recurrence_of(nn.Linear(3, 4), (torch.randn(6, 5, 3),), "") is None


def test_norms_over_examples_are_told_from_norms_of_weights() -> None:
    hidden, weight = torch.randn(6, 3, requires_grad=True) * 2, nn.Parameter(torch.randn(6, 3))
    assert normalisation_of(functional.normalize, (hidden,), {"dim": 0}, "") is not None
    assert normalisation_of(functional.cosine_similarity, (hidden, hidden, 0), {}, "") is not None
    for values, keywords in ((hidden, {}), (hidden, {"dim": 1}), (weight, {"dim": 0})):
        assert normalisation_of(functional.normalize, (values,), keywords, "") is None
