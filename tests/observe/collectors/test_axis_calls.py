from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.collectors.axis_calls import Reshapes, broadcast_of, normalisation_of, recurrence_of, softmax_of
from unstuck.record import facts


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
    nested = torch.nested.nested_tensor([torch.randn(2, 4), torch.randn(3, 4)], layout=torch.jagged)
    assert recurrence_of(nn.MultiheadAttention(4, 2), (nested,) * 3, "") is None
    assert recurrence_of(nn.Linear(3, 4), (torch.randn(6, 5, 3),), "") is None


def test_norms_over_examples_are_told_from_norms_of_weights() -> None:
    hidden, weight = torch.randn(6, 3, requires_grad=True) * 2, nn.Parameter(torch.randn(6, 3))
    assert normalisation_of(functional.normalize, (hidden,), {"dim": 0}, "") is not None
    assert normalisation_of(functional.cosine_similarity, (hidden, hidden, 0), {}, "") is not None
    for values, keywords in ((hidden, {}), (hidden, {"dim": 1}), (weight, {"dim": 0})):
        assert normalisation_of(functional.normalize, (values,), keywords, "") is None


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 4), (2, 3, 4, 5)])
def test_the_axis_that_pytorch_takes_where_none_is_given(shape: tuple[int, ...]) -> None:
    values = torch.randn(shape)
    fact = softmax_of(functional.softmax, (values,), {"dim": None}, "")
    assert fact is not None
    assert torch.equal(nn.Softmax()(values), values.softmax(fact.axis))


def test_an_axis_is_counted_from_the_first() -> None:
    fact = softmax_of(torch.Tensor.softmax, (torch.randn(2, 3, 4), -2), {}, "pool")
    assert fact is not None
    assert (fact.axis, fact.shape, fact.where) == (1, (2, 3, 4), "pool")


def test_other_calls_are_none() -> None:
    assert softmax_of(torch.sigmoid, (torch.randn(2),), {}, "") is None


def test_the_output_of_the_model_is_known() -> None:
    output = torch.randn(2, 3, 4, 5)
    for values, of_output in ((output, True), (output.clone(), False)):
        fact = softmax_of(torch.softmax, (values, 1), {}, "", output)
        assert fact is not None
        assert fact.of_output is of_output


def test_targets_of_another_shape_than_outputs_broadcast() -> None:
    output, target = torch.randn(5, 1, requires_grad=True) * 1, torch.randn(5)
    for first, second in ((output, target), (target, output)):
        fact = broadcast_of(torch.sub, (first, second), first - second, 3)
        assert fact is not None
        assert (fact.step, fact.result, fact.function) == (3, (5, 5), "sub")
        assert {fact.first, fact.second} == {(5, 1), (5,)}


def test_targets_that_became_pairs_where_they_were_made_are_a_broadcast() -> None:
    output, target = torch.randn(9, 1, requires_grad=True) * 1, torch.randn(9, 1) + torch.randn(9)
    for first, second in ((output, target), (target, output)):
        fact = broadcast_of(torch.sub, (first, second), first - second, 3)
        assert fact is not None
        assert (fact.first, fact.second, fact.result) == (tuple(first.shape), tuple(second.shape), (9, 9))
    for other in (torch.randn(9, 4), torch.randn(9, 1)):
        assert broadcast_of(torch.sub, (output, other), output - other, 0) is None
    assert broadcast_of(torch.mul, (output, target), output * target, 0) is None


def test_deliberate_pairs_are_no_broadcast() -> None:
    output, column, row = torch.randn(5, 1, requires_grad=True) * 1, torch.randn(5, 1), torch.randn(1, 5)
    for first, second in (
        (output, output.squeeze(1)),  # of outputs among themselves
        (column, column.squeeze(1)),
        (output, row),
        (output, column),
        (output, torch.randn(3)),
        (output[:1], torch.randn(1)),
    ):
        assert broadcast_of(torch.sub, (first, second), first - second, 0) is None
    assert broadcast_of(torch.sub, (output, 1.0), output - 1.0, 0) is None
    assert broadcast_of(torch.maximum, (output, torch.randn(5)), output.expand(5, 5), 0) is None


class Net(nn.Module):
    """Mixes up axes within it: a view in place of a transpose, a norm and a softmax over the examples."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.last = nn.GRU(3, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden, _ = self.rnn(x.view(5, 6, 3))
        hidden = functional.normalize(hidden[0], dim=0)
        return self.last(hidden).softmax(0)


def test_calls_of_a_sampled_step_are_noticed_once_for_each_place(watched: Any) -> None:
    model = Net()
    with watched(model) as step:
        for _ in range(2):
            (model(torch.randn(6, 5, 3)) - torch.randn(6)).square().mean()
    found = list(step.collectors.facts())
    kinds = (facts.Recurrence, facts.Reinterpretation, facts.Normalisation, facts.Softmax, facts.Broadcast)
    by_kind = {kind: [fact for fact in found if isinstance(fact, kind)] for kind in kinds}
    assert [len(same) for same in by_kind.values()] == [1, 1, 1, 1, 1]
    (recurrence,) = by_kind[facts.Recurrence]
    assert (recurrence.where, recurrence.type, recurrence.batch_first) == ("rnn", "GRU", False)
    for kind in kinds[1:]:
        assert by_kind[kind][0].file == __file__
    assert by_kind[facts.Broadcast][0].result == (6, 6)


def test_what_nothing_is_learnt_from_is_not_noticed(watched: Any) -> None:
    model = Net()
    with watched(model) as step, torch.no_grad():
        (model(torch.randn(6, 5, 3)) - torch.randn(6)).square().mean()
    kinds = (facts.Recurrence, facts.Reinterpretation, facts.Normalisation, facts.Softmax, facts.Broadcast)
    assert [fact for fact in step.collectors.facts() if isinstance(fact, kinds)] == []


def test_the_softmax_of_the_model_s_output_is_known(watched: Any) -> None:
    model = nn.Linear(3, 4)
    with watched(model) as step:
        model(torch.randn(5, 3)).log_softmax(1)
    (fact,) = step.facts(facts.Softmax)
    assert (fact.axis, fact.shape, fact.of_output) == (1, (5, 4), True)
