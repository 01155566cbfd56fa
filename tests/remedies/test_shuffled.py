from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from tests.remedies.trainings import changed_by, mlp, recorded, rings, weights
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.shuffled import Shuffled

SHUFFLED = Change(remedy="shuffled")


def data() -> tuple[torch.Tensor, torch.Tensor]:
    inputs, classes = rings(240)
    order = classes.argsort(stable=True)
    return inputs[order], classes[order]


class Streamed(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return zip(*data(), strict=True)


def loader(*, shuffle: bool = False) -> Callable[[], Any]:
    made = DataLoader(TensorDataset(*data()), batch_size=20, shuffle=shuffle)
    return lambda: made


def slices() -> Iterator[Any]:
    inputs, classes = data()
    for start in range(0, 240, 20):
        yield inputs[start : start + 20], classes[start : start + 20]


def indices() -> Iterator[Any]:
    inputs, classes = data()
    for chosen in torch.arange(240).split(20):
        yield inputs[chosen], classes[chosen]


def train(make: Callable[[], Callable[[], Any]]) -> nn.Module:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    torch.manual_seed(1)
    batches = make()
    for _ in range(6):
        for inputs, classes in batches():
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), classes).backward()
            optimizer.step()
    return model


def test_a_loader_gives_what_it_gives_with_shuffle() -> None:
    expected = weights(train(lambda: loader(shuffle=True)))
    assert torch.equal(changed_by(SHUFFLED, lambda: train(loader)), expected)


def test_the_loader_is_put_back() -> None:
    made = DataLoader(TensorDataset(*data()), batch_size=20)
    sampler = made.sampler
    with applied(SHUFFLED):
        next(iter(made))
        assert made.sampler is not sampler
    assert made.sampler is sampler
    assert made.batch_sampler.sampler is sampler  # type: ignore[union-attr]


def test_a_loader_that_shuffles_and_one_of_an_evaluation_are_left_alone() -> None:
    with applied(SHUFFLED):
        train(lambda: loader(shuffle=True))
        with torch.no_grad():
            assert torch.equal(next(iter(loader()()))[1], torch.zeros(20, dtype=torch.int64))
    assert not changed()


def test_batches_of_a_stream_are_drawn_from_a_buffer() -> None:
    stream = DataLoader(Streamed(), batch_size=20)
    with applied(SHUFFLED):
        batches = [batch[1] for batch in stream]
    assert changed()
    assert sorted(torch.cat(batches).tolist()) == data()[1].tolist()
    assert torch.cat(batches).tolist() != data()[1].tolist()


@pytest.mark.parametrize("cut", [slices, indices])
def test_rows_are_cut_in_one_order_for_all_tensors(cut: Callable[[], Iterator[Any]], tmp_path: Path) -> None:
    inputs, classes = data()
    with applied(SHUFFLED):
        batches = list(cut())
    assert changed()
    met = torch.cat([batch[1] for batch in batches])
    assert not torch.equal(met, classes)
    pairs = {(row[0].item(), label.item()) for row, label in zip(torch.cat([b[0] for b in batches]), met, strict=True)}
    assert pairs == {(row[0].item(), label.item()) for row, label in zip(inputs, classes, strict=True)}


def test_learning_is_restored(tmp_path: Path) -> None:
    remedy = Shuffled()
    inputs, classes = data()

    def right(model: nn.Module) -> float:
        with torch.no_grad():
            return float((model(inputs).argmax(1) == classes).float().mean())

    accuracies: list[float] = []
    with recorded(tmp_path / "sick", lambda: accuracies.append(right(train(loader)))) as run:
        assert list(remedy.candidates(run, None)) == [SHUFFLED]
        assert remedy.words(SHUFFLED, run) == "with the batches shuffled"
        assert remedy.obstacle(run) is None
    recorded(tmp_path / "trial", lambda: accuracies.append(right(train(loader))), SHUFFLED).close()
    assert accuracies[0] < 0.7 < 0.8 < accuracies[1]
