import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from unstuck.errors import RunWriteError
from unstuck.train import Best, Means


def worth(loss: float, accuracy: float | None = None) -> Means:
    return Means(loss=loss, accuracy=accuracy, examples=10)


def epochs(best: Best, model: nn.Linear, means: list[Means]) -> None:
    for number, each in enumerate(means, start=1):
        with torch.no_grad():
            model.weight.fill_(number)
        best.offer(number, each)


@pytest.mark.parametrize(
    ("means", "kept"),
    [
        ([worth(3.0), worth(1.0), worth(2.0)], 2),
        ([worth(1.0, 0.5), worth(2.0, 0.7), worth(0.5, 0.6)], 2),
        ([worth(1.0, 0.7), worth(0.5, 0.7), worth(0.6, 0.7)], 2),
        ([worth(math.nan), worth(9.0), worth(math.nan)], 2),
        ([worth(math.nan, 0.9), worth(9.0, 0.1)], 2),
    ],
)
def test_the_best_epoch_is_kept(means: list[Means], kept: int) -> None:
    model = nn.Linear(1, 1)
    best = Best(model)
    epochs(best, model, means)
    best.restore()
    assert best.epoch == kept
    assert model.weight.item() == kept
    assert best.means == means[kept - 1]


def test_equal_accuracy_is_no_hope_but_lower_loss_of_a_regression_is() -> None:
    model = nn.Linear(1, 1)
    classes, numbers = Best(model, patience=2), Best(model, patience=2)
    for epoch, loss in enumerate([1.0, 0.9, 0.8], start=1):
        classes.offer(epoch, worth(loss, 0.7))
        numbers.offer(epoch, worth(loss))
    assert classes.hopeless(3)
    assert not numbers.hopeless(3)
    assert numbers.hopeless(5)
    assert not Best(model).hopeless(10**6)


def test_nothing_is_restored_where_nothing_was_kept() -> None:
    model = nn.Linear(1, 1)
    before = model.weight.clone()
    Best(model).restore()
    assert torch.equal(model.weight, before)


def test_the_file_holds_the_best_weights_and_buffers(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    file = tmp_path / "best.safetensors"
    best = Best(model, file=file)
    best.offer(1, worth(2.0))
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    nn.init.zeros_(model[0].weight)
    best.offer(2, worth(3.0))
    saved = load_file(file)
    assert saved.keys() == kept.keys()
    assert all(torch.equal(saved[name], kept[name]) for name in kept)
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


def test_tied_weights_are_kept_as_two_names(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    Best(model, file=tmp_path / "best.safetensors").offer(1, worth(1.0))
    assert set(load_file(tmp_path / "best.safetensors")) == {"0.weight", "1.weight"}


def test_a_failed_write_leaves_the_file_before_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(1, 1)
    file = tmp_path / "best.safetensors"
    best = Best(model, file=file)
    best.offer(1, worth(2.0))
    before = file.read_bytes()

    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(RunWriteError, match=r"the weights cannot be written .*No space left"):
        best.offer(2, worth(1.0))
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


def test_where_nothing_could_be_judged_the_last_weights_are_written(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    Best(model, file=tmp_path / "last.safetensors").close()
    assert torch.equal(load_file(tmp_path / "last.safetensors")["weight"], model.weight)
    judged = Best(model, file=tmp_path / "best.safetensors")
    epochs(judged, model, [worth(1.0), worth(2.0)])
    judged.close()
    assert load_file(tmp_path / "best.safetensors")["weight"].item() == 1.0
