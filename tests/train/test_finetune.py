import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy

from unstuck.data import Batches, load
from unstuck.errors import ArgumentError, WeightsError
from unstuck.optim import Adam
from unstuck.train import fit, freeze, layer_groups, load_weights, thaw


def network(classes: int = 3, *, hidden: int = 4, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(30, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 4), nn.ReLU(), nn.Linear(4, classes)
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "best.safetensors"
    save_file(network(3, seed=1).state_dict(), path)
    return path


def test_the_same_network_is_taken_whole(file: Path) -> None:
    model = network()
    loaded = load_weights(model, file)
    assert loaded.fresh == ()
    assert loaded.loaded == tuple(model.state_dict())
    for name, value in network(3, seed=1).state_dict().items():
        assert torch.equal(model.state_dict()[name], value)


def test_the_folder_of_a_run_holds_its_best_weights(file: Path) -> None:
    assert load_weights(network(), file.parent).file == file


@pytest.mark.parametrize(("classes", "head"), [(5, "where it fits"), (3, "fresh")])
def test_another_head_is_left_as_it_was_drawn(file: Path, classes: int, head: Any) -> None:
    model, drawn = network(classes), network(classes).state_dict()
    loaded = load_weights(model, file, head=head)
    assert loaded.fresh == ("5.weight", "5.bias")
    assert str(loaded).startswith(f"{len(drawn) - 2} tensors from {file}; fresh: 5.weight ({classes}, 4)")
    given = network(3, seed=1).state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, drawn[name] if name.startswith("5.") else given[name])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (network(hidden=6), r"another network: 0\.weight is \(6, 30\) here and \(4, 30\) in the file; .* and 4 more"),
        (nn.Sequential(nn.Linear(30, 3)), r"another network: the model lacks 1\.bias, "),
        (
            nn.Sequential(*network(), nn.Linear(3, 3), nn.Linear(3, 2)),
            r"another network: the file lacks 6\.weight, 6\.b",
        ),
    ],
)
def test_weights_of_another_network_are_refused_and_nothing_is_changed(
    file: Path, model: nn.Module, message: str
) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(WeightsError, match=message):
        load_weights(model, file)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_layer_more_is_a_head(file: Path) -> None:
    model = nn.Sequential(*network(), nn.ReLU(), nn.Linear(3, 2))
    assert load_weights(model, file).fresh == ("7.weight", "7.bias")


def test_damaged_and_unsafe_files_are_refused(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for count in (0, 5, 40, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:count])
        with pytest.raises(
            WeightsError, match=rf"cut\.safetensors: no safetensors file, or cut short: {count:,} bytes"
        ):
            load_weights(network(), tmp_path / "cut.safetensors")

    class Harmful:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    torch.save(network().state_dict(), tmp_path / "model.pt")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / f"{protocol}.pkl").write_bytes(pickle.dumps(Harmful(), protocol))
    for name in ("model.pt", *(f"{protocol}.pkl" for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1))):
        with pytest.raises(WeightsError, match=r"a pickle, .* may run code"):
            load_weights(network(), tmp_path / name)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(WeightsError, match="there is no such file"):
        load_weights(network(), tmp_path / "gone.safetensors")
    with pytest.raises(WeightsError, match=r"x{300}: cannot be read \(File name too long\)"):
        load_weights(network(), tmp_path / ("x" * 300))


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model, broken = network(), network().state_dict()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    broken[next(iter(broken))].view(-1)[0] = float("nan")
    save_file(broken, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=rf"NaN or infinite values in {next(iter(broken))}; give weights of"):
        load_weights(model, tmp_path / "a.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_head_alone_is_nothing_to_begin_from(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match="nothing in it fits"):
        load_weights(nn.Linear(2, 3), tmp_path / "a.safetensors", head="fresh")


def test_frozen_layers_stand_still_until_they_are_thawed() -> None:
    data, model = load("breast-cancer"), network(2)
    assert freeze(model, ["0.*", "1.*"]) == ("0.weight", "0.bias", "1.weight", "1.bias")
    optimizer = Adam(model.parameters(), lr=0.01)
    seen = [model[0].weight.detach().clone()]

    def after(epoch: object) -> None:
        seen.append(model[0].weight.detach().clone())
        if len(seen) == 3:
            assert thaw(model, "0.*") == ("0.weight", "0.bias")

    fit(model, cross_entropy, Batches(data.train, 64), optimizer, epochs=4, after_epoch=after)
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[2], seen[3])
    assert thaw(model) == ("1.weight", "1.bias")


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ("0.wieght", r"freeze='0.wieght' matches no parameter; did you mean '0.weight'"),
        (["0.*", "conv*"], r"freeze='conv\*' matches no parameter"),
        ("*", r"freeze=\['\*'\]: nothing would be left to learn"),
    ],
)
def test_patterns_that_make_no_sense(patterns: str | list[str], message: str) -> None:
    model = network()
    with pytest.raises(ArgumentError, match=message):
        freeze(model, patterns)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_earlier_layers_get_lower_rates_and_every_parameter_one() -> None:
    model = network()
    groups = layer_groups(model, 0.8, factor=0.5)
    assert [group["lr"] for group in groups] == [0.2, 0.4, 0.8]
    assert [id(p) for group in groups for p in group["params"]] == [id(p) for p in model.parameters()]
    torch.optim.SGD(groups)


def test_a_tied_weight_is_in_one_group() -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False))
    model[1].weight = model[0].weight
    assert [len(group["params"]) for group in layer_groups(model, 1.0, factor=0.5)] == [1]


@pytest.mark.parametrize("factor", [0.0, 1.5, float("nan")])
def test_a_factor_lowers(factor: float) -> None:
    with pytest.raises(ArgumentError, match="factor="):
        layer_groups(network(), 1.0, factor=factor)
