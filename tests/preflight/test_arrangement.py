"""Which part of a batch goes where, and what a model's outputs are."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.errors import ArgumentError
from unstuck.preflight import Subject
from unstuck.preflight.arrangement import arrange, called, main_output, returned_loss, size, takes

X, Y = torch.randn(6, 4), torch.arange(6) % 3


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Linear(4, 2)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (self.tower(a) - self.tower(b)).square().sum(1)


class Returning(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 3)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:  # type: ignore[override]
        logits = super().forward(x)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits} if labels is not None else logits


class Towers(nn.Linear):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(x), super().forward(-x)


def seen(model: nn.Module, loss: Any, batch: Any) -> tuple[Any, Any, float]:
    found = arrange(model, loss, batch)
    inputs, targets = found.split(batch)
    return inputs, targets, float(found.loss(called(model, inputs), targets).detach())


def test_a_pair_is_inputs_and_targets_and_the_loss_is_untouched() -> None:
    found = arrange(nn.Linear(4, 3), functional.cross_entropy, (X, Y))
    assert found.loss is functional.cross_entropy
    assert (found.how, found.label, found.judges) == ("", None, True)


def test_of_several_tensors_the_last_is_the_target() -> None:
    inputs, targets, _ = seen(Two(), functional.mse_loss, (X, X + 1, torch.zeros(6)))
    assert len(inputs) == 2
    assert targets.shape == (6,)


def test_of_several_tensors_one_may_be_the_input() -> None:
    loss = lambda o, y, weight: (weight * functional.cross_entropy(o, y, reduction="none")).mean()
    inputs, targets, value = seen(nn.Linear(4, 3), loss, (X, Y, torch.ones(6)))
    assert inputs is X
    assert len(targets) == 2
    assert value > 0


def test_inputs_alone_are_targets_too() -> None:
    for batch in (X, [X], (X,)):
        inputs, targets, _ = seen(nn.Linear(4, 4), functional.mse_loss, batch)
        assert inputs is targets is X


@pytest.mark.parametrize("key", ["labels", "label", "target", "y"])
def test_labels_inside_a_batch_by_name_are_the_targets(key: str) -> None:
    batch = {"x": X, key: Y}
    inputs, targets, _ = seen(Returning(), functional.cross_entropy, batch)
    assert set(inputs) == {"x"}
    assert targets is Y


def test_a_model_that_returns_its_loss_takes_the_labels() -> None:
    model = Returning()
    found = arrange(model, None, {"x": X, "labels": Y})
    assert (found.label, found.judges) == ("labels", True)
    assert arrange(model, None, (X, Y)).label == 1
    subject = Subject.of(model, None, (X, Y))
    assert subject.unlabelled(subject.first[0])[0].equal(X)
    assert subject.labelled(subject.first[0], Y.flip(0))[1].equal(Y.flip(0))


def test_a_model_that_takes_the_batch_itself() -> None:
    class Whole(nn.Linear):
        def forward(self, batch: dict[str, Tensor]) -> Tensor:  # type: ignore[override]
            return super().forward(batch["x"])

    inputs, targets, _ = seen(Whole(4, 3), functional.cross_entropy, {"x": X, "y": Y})
    assert set(inputs[0]) == {"x", "y"}
    assert targets is Y


def test_several_outputs_go_to_the_loss_one_by_one_or_the_first_of_them() -> None:
    y = torch.ones(6)
    *_, by_one = seen(Towers(4, 3), nn.CosineEmbeddingLoss(), (X, y))
    assert by_one > 0
    *_, first = seen(Towers(4, 3), nn.CrossEntropyLoss(), (X, Y))
    assert first > 0


def test_a_loss_that_takes_no_targets_is_known_to() -> None:
    found = arrange(nn.Linear(4, 2), nn.TripletMarginLoss(), (X, X + 0.1, -X))
    assert (found.each, found.judges) == (True, False)
    assert not arrange(nn.Linear(4, 2), lambda o: o.square().mean(), (X, Y)).judges


def test_what_fits_in_no_way_is_left_as_it_is_written() -> None:
    found = arrange(nn.Linear(9, 3), functional.cross_entropy, (X, Y))
    assert found.loss is functional.cross_entropy
    assert found.how == ""


def test_outputs_and_losses_of_a_model() -> None:
    Pair = namedtuple("Pair", ["loss", "scores"])
    loss = torch.tensor(2.0)

    @dataclass
    class Out:
        loss: Tensor
        logits: Tensor

    assert main_output(X) is X
    assert main_output({"loss": loss, "logits": X}) is X
    assert main_output(Out(loss, X)) is X
    assert main_output((X, Y)) is X
    assert main_output(Pair(loss, X)) is X
    assert main_output("none") is None
    for outputs in (loss, {"loss": loss}, Out(loss, X), (loss, X), Pair(loss, X)):
        assert returned_loss(outputs) is loss
    assert float(returned_loss({"boxes": loss, "classes": 2 * loss})) == 6.0
    with pytest.raises(TypeError, match="the model returns none but"):
        returned_loss(X)


def test_examples_are_counted_by_the_first_tensor() -> None:
    assert [size(tree) for tree in (X, {"a": Y}, ((X, 3), Y), 4, torch.tensor(1.0))] == [6, 6, 6, 1, 1]


def test_whether_a_model_takes_inputs() -> None:
    assert takes(nn.Linear(4, 2), X)
    assert not takes(nn.Linear(5, 2), X)


@pytest.mark.parametrize(
    ("loss", "data", "word"),
    [
        ("mean", (X, Y), "loss='mean': a function of outputs and targets"),
        (functional.mse_loss, 3, "data=int: a batch"),
        (functional.mse_loss, ["a", "b"], "data: it gives str"),
    ],
)
def test_what_is_no_training_is_refused_in_a_word(loss: Any, data: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        Subject.of(nn.Linear(4, 3), loss, data)


def test_tensors_in_a_list_are_batches_and_in_a_tuple_one_batch() -> None:
    model = nn.Linear(4, 4)
    assert len(Subject.of(model, functional.mse_loss, [X, X, X]).batches) == 3
    assert len(Subject.of(model, nn.TripletMarginLoss(), (X, X, X)).batches) == 1
    assert len(Subject.of(nn.Linear(4, 3), functional.cross_entropy, [X, Y]).batches) == 1


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"optimizer": "adam"}, "optimizer='adam': an optimizer"),
        ({"regularisation": 0.1}, "regularisation=0.1: a function of the model"),
        ({"exclude": "weight"}, "exclude='weight': a list"),
        ({"seed": -1}, "seed=-1: a whole number from 0"),
    ],
)
def test_what_stands_beside_the_data_is_looked_at_too(given: dict[str, Any], word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        Subject.of(nn.Linear(4, 3), functional.cross_entropy, (X, Y), **given)


class Scored(nn.Module):
    """Returns scores and, of targets, the loss, as language models do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        scores = self.linear(x)
        return scores, None if targets is None else functional.cross_entropy(scores, targets)


def test_a_model_that_returns_scores_and_loss_is_given_the_targets() -> None:
    batch = (torch.randn(6, 3), torch.arange(6) % 2)
    arrangement = arrange(Scored(), None, batch)
    inputs, _ = arrangement.split(batch)
    assert (arrangement.label, arrangement.judges, len(inputs)) == (1, True, 2)
    assert arrangement.loss(called(Scored(), inputs), None).shape == ()


class Triplet(nn.Module):
    """Takes the parts of a triplet."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, *parts: Tensor) -> list[Tensor]:
        return [self.linear(part) for part in parts]


@pytest.mark.parametrize(
    "loss", [lambda o, t=None: functional.triplet_margin_loss(*o), lambda o: functional.triplet_margin_loss(*o)]
)
def test_a_triplet_has_no_targets(loss: Any) -> None:
    arrangement = arrange(Triplet(), loss, tuple(torch.randn(3, 6, 3)))
    assert not arrangement.judges
