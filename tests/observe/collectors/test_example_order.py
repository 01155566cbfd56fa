"""From where an output and its target come, where examples are sorted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.observe.collectors.sequences import facts_of, padded
from unstuck.record.facts import BatchMixing, ExampleOrder


def orders(lengths: Tensor) -> Tensor:
    return lengths.argsort(descending=True)


class Recurrent(nn.Module):
    """A classifier of sequences; ``back`` is what the model does to its outputs where it sorts by itself."""

    def __init__(self, back: Callable[[Tensor, Tensor], Tensor] | None = None, *, by_packing: bool = False) -> None:
        super().__init__()
        self.embedding, self.gru, self.head = nn.Embedding(12, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 3)
        self.back, self.by_packing = back, by_packing

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        order = orders(lengths)
        if self.back is not None:
            ids, lengths = ids[order], lengths[order]
        packed = pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=not self.by_packing
        )
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        outputs = self.head(states.sum(dim=1))
        return outputs if self.back is None else self.back(outputs, order)


def batch() -> tuple[Tensor, Tensor, Tensor]:
    ids = padded()
    return ids, (ids > 0).sum(dim=1), torch.randint(3, (16,))


def sorted_before(labels_too: bool, *, cast: bool = False) -> Callable[[nn.Module], Tensor]:
    def step(model: nn.Module) -> Tensor:
        ids, lengths, labels = batch()
        order = orders(lengths)
        ids, lengths = ids[order], lengths[order]
        labels = labels[order] if labels_too else labels
        return F.cross_entropy(model(ids, lengths), labels.int().long() if cast else labels)

    return step


def sorted_within(model: nn.Module) -> Tensor:
    ids, lengths, labels = batch()
    return F.cross_entropy(model(ids, lengths), labels)


def answered_in_order(model: nn.Module) -> Tensor:
    ids, lengths, labels = batch()
    return F.cross_entropy(model(ids, lengths), labels[orders(lengths)])


@pytest.mark.parametrize(
    ("model", "step", "alike"),
    [
        (Recurrent(), sorted_before(labels_too=True), True),
        (Recurrent(), sorted_before(labels_too=True, cast=True), True),
        (Recurrent(), sorted_before(labels_too=False), False),
        (Recurrent(lambda outputs, order: outputs[order.argsort()]), sorted_within, True),
        (Recurrent(lambda outputs, order: outputs), sorted_within, False),
        (Recurrent(lambda outputs, order: outputs[order]), sorted_within, False),
        (Recurrent(lambda outputs, order: outputs), answered_in_order, True),
        (Recurrent(by_packing=True), sorted_before(labels_too=True), True),
        (Recurrent(by_packing=True), sorted_within, True),
    ],
    ids=[
        *("both", "cast", "inputs alone", "put back", "left", "put back wrongly", "labels in the loop"),
        *("both, packed", "packed"),
    ],
)
def test_an_output_and_its_target_come_from_one_example(
    tmp_path: Path, model: nn.Module, step: Callable[[nn.Module], Tensor], alike: bool
) -> None:
    found = facts_of(tmp_path, ExampleOrder, model, step)
    assert len(found) == 1
    assert (found[0].output == found[0].target) is alike
    assert found[0].line is not None


def test_two_targets_of_one_output_are_those_of_mixed_examples(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        values, labels, order = torch.randn(16, 4), torch.randint(3, (16,)), torch.randperm(16)
        outputs = model(values * 0.7 + values[order] * 0.3)
        return 0.3 * F.cross_entropy(outputs, labels[order]) + 0.7 * F.cross_entropy(outputs, labels)

    assert not facts_of(tmp_path, ExampleOrder, nn.Linear(4, 3), step)


def test_features_that_are_put_in_another_order_are_no_examples(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        return F.cross_entropy(model(torch.randn(16, 16)[:, torch.arange(16).flip(0)]), torch.randint(3, (16,)))

    assert not facts_of(tmp_path, ExampleOrder, nn.Linear(16, 3), step)


def test_nothing_is_asked_where_nothing_is_sorted(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        return F.cross_entropy(model(torch.randn(16, 4)), torch.randint(3, (16,)))

    assert not facts_of(tmp_path, ExampleOrder, nn.Linear(4, 3), step)


def test_examples_that_the_model_sorts_and_puts_back_do_not_mix(tmp_path: Path) -> None:
    model = Recurrent(lambda outputs, order: outputs[order.argsort()])
    assert [fact.share for fact in facts_of(tmp_path, BatchMixing, model, sorted_within)] == [0.0]


def test_targets_that_may_be_made_of_what_was_sorted_are_not_judged(tmp_path: Path) -> None:
    def step(model: nn.Module) -> Tensor:
        ids, lengths, labels = batch()
        order = orders(lengths)
        features = (labels.float() + 0.5)[order]
        return F.cross_entropy(model(ids[order], lengths[order]), (features - 0.5).round().long())

    assert not facts_of(tmp_path, ExampleOrder, Recurrent(), step)
