import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unstuck.init import activation_statistics


def identity(width, scale=1.0):
    layer = nn.Linear(width, width, bias=False)
    with torch.no_grad():
        layer.weight.copy_(scale * torch.eye(width))
    return layer


def test_numbers_by_hand():
    batch = torch.tensor([[-1.0, 0.0, 2.0, 5.0]])
    (row,) = activation_statistics(nn.Sequential(identity(4), nn.ReLU()), batch)
    assert (row.layer, row.activation, row.shape) == ("0", "relu", (1, 4))
    assert row.mean == 1.75
    assert row.std == pytest.approx(math.sqrt(29 / 4 - 1.75**2))
    assert row.second_moment == pytest.approx(29 / 4)
    assert (row.zero, row.saturated, row.non_finite) == (0.5, None, 0.0)
    assert (row.low, row.high) == (0.0, 3.0)
    assert (sum(row.counts), row.counts[-1]) == (2, 1)


@pytest.mark.parametrize(
    ("activation", "share"),
    [(nn.Tanh(), 2 / 5), (nn.Sigmoid(), 2 / 5), (nn.Hardtanh(), 4 / 5), (nn.ReLU6(), 1 / 5), (nn.ReLU(), None)],
)
def test_saturated_share(activation, share):
    batch = torch.tensor([[-9.0, -1.0, 0.1, 1.0, 9.0]])
    (row,) = activation_statistics(nn.Sequential(identity(5), activation), batch)
    assert row.saturated == (None if share is None else pytest.approx(share))


def test_infinity_and_nan_are_counted_and_kept_out_of_the_mean():
    batch = torch.tensor([[1.0, 3.0, float("inf"), float("nan")]])

    class Pass(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv1d(1, 1, 1, bias=False)
            nn.init.ones_(self.layer.weight)

        def forward(self, x):
            return self.layer(x.unsqueeze(1))

    (row,) = activation_statistics(Pass(), batch)
    assert (row.non_finite, row.mean, row.std) == (0.5, 2.0, 1.0)
    (row,) = activation_statistics(Pass(), batch[:, 2:])
    assert row.non_finite == 1.0
    assert math.isnan(row.mean)


def test_functional_activations_through_norm_and_residual_and_repeated_calls():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm, self.out = nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2)

        def forward(self, x):
            for _ in range(2):
                x = F.relu(self.norm(self.layer(x)) + x)
            return self.out(x)

    statistics = activation_statistics(Model(), torch.randn(16, 4))
    assert [(row.layer, row.activation) for row in statistics] == [
        ("layer", "relu"),
        ("layer", "relu"),
        ("out", "none"),
    ]
    assert all(row.mean > 0 for row in statistics.layers[:2])
    assert statistics["out"].shape == (16, 2)
    with pytest.raises(KeyError, match="no layer named 'head'; there are layer, layer, out"):
        statistics["head"]


def test_model_and_generators_are_as_before():
    model = nn.Sequential(
        nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4, 2)
    ).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    versions = [parameter._version for parameter in model.parameters()]
    generator = torch.get_rng_state()
    hooks = [len(module._forward_hooks) for module in model.modules()]
    activation_statistics(model, torch.randn(8, 4, generator=torch.Generator()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert versions == [parameter._version for parameter in model.parameters()]
    assert torch.equal(torch.get_rng_state(), generator)
    assert hooks == [len(module._forward_hooks) for module in model.modules()]
    assert all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_training_mode_is_described_as_it_is():
    model = nn.Sequential(nn.Linear(4, 64), nn.BatchNorm1d(64), nn.Tanh())
    batch = 100 + torch.randn(64, 4)
    assert activation_statistics(model.train(), batch)["0"].saturated < 0.1
    assert activation_statistics(model.eval(), batch)["0"].saturated > 0.8


def test_recurrent_and_attention_layers_have_rows():
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    rows = [(row.layer, row.activation) for row in activation_statistics(block, torch.randn(2, 5, 8))]
    assert rows == [("self_attn", "none"), ("linear1", "relu"), ("linear2", "none")]
    (row,) = activation_statistics(nn.GRU(4, 6), torch.randn(3, 2, 4))
    assert row.shape == (3, 2, 6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_dtypes(dtype):
    model = nn.Sequential(identity(4), nn.ReLU()).to(dtype)
    (row,) = activation_statistics(model, torch.tensor([[1.0, -1.0, 2.0, -2.0]], dtype=dtype))
    assert (row.mean, row.zero) == (0.75, 0.5)


def test_prints_and_draws(tmp_path):
    pytest.importorskip("matplotlib")
    statistics = activation_statistics(nn.Sequential(identity(4), nn.Tanh(), nn.Linear(4, 2)), torch.randn(8, 4))
    assert [line.split()[0] for line in str(statistics).splitlines()] == ["activations", "layer", "0", "2"]
    picture = statistics.plot()
    assert len(picture.axes) == 2
    picture.savefig(tmp_path / "statistics.png")


def test_bad_model():
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got function"):
        activation_statistics(lambda x: x, torch.zeros(1))
