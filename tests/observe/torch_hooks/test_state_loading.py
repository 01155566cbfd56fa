"""What a load leaves out, and what stands in the file under another name."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from unstuck.observe.torch_hooks import patches, state_loading
from unstuck.observe.torch_hooks.state_loading import loaded, renamed


class Anybody:
    thread = updates_of = None

    def backward_begins(self, backward: object) -> None: ...

    def failed(self, error: Exception) -> None:
        raise error


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    listener = Anybody()
    patches.listen(listener)
    yield
    patches.unlisten(listener)


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_a_prefix_that_differs_is_noted_until_the_weights_are_loaded() -> None:
    state, net = model().state_dict(), model()
    net.load_state_dict({f"module.{key}": value for key, value in state.items()}, strict=False)
    assert loaded[net].names[0] == ("0.weight", "module.0.weight")
    assert len(loaded[net].names) == 4
    assert loaded[net].place[1] is not None
    net.load_state_dict(state)
    assert net not in loaded


def test_what_the_file_does_not_have_is_not_noted() -> None:
    net = model()
    net.load_state_dict({key: value for key, value in model().state_dict().items() if key[0] == "0"}, strict=False)
    assert net not in loaded


def wide() -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))


def file_of(prefix: str, *, trained: bool = True) -> dict[str, Tensor]:
    """What a file may hold; the cube of drawn values is no longer distributed as these are."""
    return {f"{prefix}{key}": value**3 if trained else value for key, value in wide().state_dict().items()}


def test_tensors_of_the_module_itself_are_left_out() -> None:
    net, file = wide(), file_of("module.")
    own = net.state_dict()
    own.update({key: value for key, value in file.items() if key in own})
    net.load_state_dict(own)
    assert loaded[net].own
    assert loaded[net].names[0] == ("0.weight", "module.0.weight")


def test_a_snapshot_that_is_gone_back_to_is_not_noted() -> None:
    net, file = wide(), file_of("module.")
    net.load_state_dict(copy.deepcopy(net.state_dict()))
    assert file
    assert net not in loaded


def test_a_file_is_found_in_what_a_checkpoint_holds() -> None:
    checkpoint: dict[str, Any] = {"epoch": 3, "state_dict": OrderedDict(file_of("net."))}
    net = wide()
    fitting = {k: v for k, v in checkpoint["state_dict"].items() if k in dict(net.named_parameters())}
    net.load_state_dict(fitting, strict=False)
    assert not loaded[net].own
    assert len(loaded[net].names) == 4


def test_nothing_chosen_of_a_file_whose_name_is_gone() -> None:
    net, state = wide(), file_of("net.")
    state = {key: value for key, value in state.items() if key in dict(net.named_parameters())}
    net.load_state_dict(state, strict=False)
    assert loaded[net].names[0] == ("0.weight", "")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_is_loaded_by_its_own_name_or_after_renaming_is_not_noted(prefix: str) -> None:
    net, file = wide(), file_of(prefix)
    own = net.state_dict()
    own.update({key.removeprefix("module."): value for key, value in file.items()})
    net.load_state_dict(own)
    assert net not in loaded


@pytest.mark.parametrize("others", ["drawn", "averages"])
def test_what_has_nothing_learnt_to_load_is_not_noted(others: str) -> None:
    net = wide()
    state = file_of("module.", trained=False) if others == "drawn" else AveragedModel(net).state_dict()
    net.load_state_dict(net.state_dict())
    assert state
    assert net not in loaded


def test_values_that_are_loaded_back_are_not_noted() -> None:
    net = model()
    net.load_state_dict(copy.deepcopy(net.state_dict()))
    net.load_state_dict(net.state_dict())
    assert net not in loaded


def test_a_new_head_that_begins_like_another_part_of_the_file_is_not_noted() -> None:
    class Net(nn.Module):
        def __init__(self, name: str, width: int) -> None:
            super().__init__()
            self.body = nn.Linear(3, 4)
            self.add_module(name, nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, width)))

    net = Net("head", 2)
    net.load_state_dict(Net("decoder", 3).state_dict(), strict=False)
    assert net not in loaded


def test_loads_without_end_are_looked_at_closely_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    net, asked = model(), list[str]()
    monkeypatch.setattr(state_loading, "user_scopes", lambda: asked.append("") or [])
    for _ in range(3 * state_loading.LOOKS):
        net.load_state_dict(net.state_dict())
    assert len(asked) == state_loading.LOOKS


def lazy_model() -> nn.Sequential:
    return nn.Sequential(*(cast("nn.Module", nn.LazyLinear(width)) for width in (4, 2)))


def test_weights_without_a_shape_yet_are_loaded_as_ever() -> None:
    net, lazy = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), lazy_model()
    lazy.load_state_dict(net.state_dict())
    assert torch.equal(lazy.state_dict()["0.weight"], net.state_dict()["0.weight"])
    lazy_model().load_state_dict(lazy_model().state_dict())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_else_the_program_holds_is_looked_at_by_no_code_of_its_own() -> None:
    class Guarded(dict[str, Tensor]):
        def items(self) -> Any:
            raise AssertionError

        def get(self, *_: object) -> Any:
            raise AssertionError

    net = model()
    guarded = Guarded(net.state_dict())
    batch = {"x": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])}
    net.load_state_dict(guarded)
    assert net not in loaded
    assert batch


def test_what_is_refused_is_not_noted() -> None:
    net = model()
    with pytest.raises(RuntimeError):
        net.load_state_dict({"module.0.weight": net[0].weight})
    assert net not in loaded


@pytest.mark.parametrize(
    ("missing", "others", "found"),
    [
        ({"encoder.0.weight": (4, 3)}, {"backbone.0.weight": (4, 3)}, 1),
        ({"encoder.0.weight": (4, 3)}, {"backbone.0.weight": (4, 5)}, 0),
        ({"encoder.0.weight": (4, 3)}, {"backbone.1.weight": (4, 3)}, 0),
        ({"head.weight": (2, 4)}, {"classifier.weight": (2, 4)}, 0),
        ({"weight": (2, 4)}, {"module.weight": (2, 4)}, 1),
    ],
    ids=["prefix", "shape", "layer", "new head", "bare"],
)
def test_names_of_the_same_end_are_one_tensor(
    missing: dict[str, tuple[int, ...]], others: dict[str, tuple[int, ...]], found: int
) -> None:
    assert len(renamed(missing, others)) == found
