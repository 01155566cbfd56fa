"""What a load leaves out, and what stands in the file under another name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from torch import nn

from unstuck.observe.torch_hooks import patches
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
