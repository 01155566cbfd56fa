import pytest
import torch
from torch import nn

from unstuck.nn.window import Window, windows

LAYERS = [
    nn.Conv2d(1, 2, 3),
    nn.Conv2d(1, 2, (3, 5), stride=(2, 1), padding=(1, 0)),
    nn.Conv2d(1, 2, 3, dilation=2, padding=1),
    nn.Conv2d(1, 2, 4, padding="same"),
    nn.Conv2d(1, 2, 4, padding="valid"),
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.MaxPool2d(3, stride=2, ceil_mode=True),
    nn.MaxPool2d(2, stride=3, padding=1, ceil_mode=True),
    nn.AvgPool2d((2, 3)),
    nn.AvgPool2d(2, ceil_mode=True),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("size", [(9, 9), (12, 10), (7, 8)])
def test_the_arithmetic_is_torchs(layer: nn.Module, size: tuple[int, int]) -> None:
    given = tuple(window.output(n) for window, n in zip(windows(layer), size, strict=True))
    assert given == layer(torch.randn(1, 1, *size)).shape[2:]


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 4, 0), (2, 3, 1), (1, 2, 0)])
@pytest.mark.parametrize("size", range(4, 12))
def test_dropped_entries_are_those_at_the_end_without_a_gradient(
    kernel: int, stride: int, padding: int, size: int
) -> None:
    inputs = torch.ones(1, 1, size, requires_grad=True)
    layer = nn.Conv1d(1, 1, kernel, stride=stride, padding=padding)
    nn.init.ones_(layer.weight)
    layer(inputs).sum().backward()
    assert inputs.grad is not None
    touched = inputs.grad[0, 0].nonzero()
    (window,) = windows(layer)
    assert window.dropped(size) == size - 1 - int(touched.max())


def test_layers_of_one_axis_and_subclasses_are_known_and_others_have_no_window() -> None:
    class Mine(nn.Conv1d):
        pass

    assert windows(Mine(1, 1, 3)) == windows(nn.Conv1d(1, 1, 3)) == (Window(kernel=3),)
    assert len(windows(nn.MaxPool3d(2))) == 3
    assert windows(nn.Linear(2, 2)) == windows(nn.ConvTranspose2d(1, 1, 3)) == ()
