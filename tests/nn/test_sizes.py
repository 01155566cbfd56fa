import pytest
import torch
from torch import Tensor, nn

from unstuck.errors import ArgumentError
from unstuck.nn.sizes import check_sizes

IMAGES = torch.zeros(2, 1, 8, 8)


@pytest.mark.parametrize(
    ("layers", "parts"),
    [
        ([nn.Flatten(), nn.Linear(60, 10)], ["layer 1 (Linear)", "(2, 64)", "needs 60", "in_features=64"]),
        ([nn.Conv2d(3, 4, 3)], ["layer 0 (Conv2d)", "(2, 1, 8, 8)", "channels are 1", "needs 3", "in_channels=1"]),
        ([nn.Conv2d(1, 4, 3), nn.BatchNorm2d(5)], ["layer 1 (BatchNorm2d)", "are 4", "needs 5", "num_features=4"]),
        ([nn.Conv2d(1, 4, 11, padding=1)], ["layer 0 (Conv2d)", "10 wide", "needs 11", "pad by 2"]),
        ([nn.MaxPool2d(4), nn.MaxPool2d(3)], ["layer 1 (MaxPool2d)", "(2, 1, 2, 2)", "needs 3"]),
        ([nn.Flatten(), nn.Conv2d(64, 4, 3)], ["layer 1 (Conv2d)", "(2, 64)", "(N, 64, H, W)"]),
        ([nn.Unflatten(1, (2, 3))], ["layer 0 (Unflatten)", "(2, 1, 8, 8)", "failed"]),
    ],
)
def test_a_misfit_is_one_message_with_the_layer_the_size_and_the_need(
    layers: list[nn.Module], parts: list[str]
) -> None:
    model = nn.Sequential(*layers).train()
    with pytest.raises(ArgumentError) as raised:
        check_sizes(model, IMAGES)
    assert [part for part in parts if part not in str(raised.value)] == []
    assert "\n" not in str(raised.value)
    assert all(module.training and not module._forward_hooks for module in model.modules())


def test_a_failure_outside_of_layers_names_the_module_whose_forward_it_is_in() -> None:
    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.reshape(5, 7)

    with pytest.raises(ArgumentError, match=r"layer 1 \(Wrong\): got inputs of shape \(2, 64\) and failed: shape"):
        check_sizes(nn.Sequential(nn.Flatten(), Wrong()), IMAGES)


def test_dropped_pixels_are_counted_once_and_fitting_strides_are_not_mentioned() -> None:
    pool = nn.MaxPool2d(2)
    assert check_sizes(nn.Sequential(pool, pool, pool), IMAGES) == ()
    (warning,) = check_sizes(nn.Sequential(pool), torch.zeros(1, 1, 8, 7))
    assert "leaves out 1 of 7 columns" in warning
    assert "rows" not in warning
    assert check_sizes(nn.Sequential(nn.Conv2d(1, 1, 3, stride=2, padding=1)), IMAGES) == ()
    assert check_sizes(nn.Sequential(nn.Conv2d(1, 1, 1, stride=2)), IMAGES) == ()
    assert check_sizes(nn.Conv2d(1, 1, 1, stride=2), IMAGES) == ()


def test_nothing_of_the_model_or_the_random_state_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 2))
    model[2].eval()
    state, modes = {key: value.clone() for key, value in model.state_dict().items()}, [m.training for m in model]
    before = torch.get_rng_state()
    assert check_sizes(model, IMAGES) == ()
    assert torch.equal(torch.get_rng_state(), before)
    assert modes == [m.training for m in model]
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
