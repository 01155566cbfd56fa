import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unstuck.nn import CNN, LSTM, MLP, Transformer, summary

IMAGE = torch.zeros(1, 1, 28, 28)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.branch = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.BatchNorm2d(4))
        self.last = nn.Conv2d(4, 4, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        return self.last(x + self.branch(x))


MODELS = {
    "cnn": CNN(channels=(4, 8), hidden=(16,), norm="batch").build((1, 28, 28), 10),
    "mlp": MLP(hidden=(16,), activation="maxout").build((1, 28, 28), 10),
    "transposed": nn.ConvTranspose2d(1, 4, 3, stride=2),
    "residual": Residual(),
}


@pytest.mark.parametrize("name", MODELS)
def test_multiply_adds_are_half_the_operations_that_torch_counts(name: str) -> None:
    model = MODELS[name].eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(IMAGE)
    table = summary(model, IMAGE)
    assert table.multiply_adds == counter.get_total_flops() // 2 > 0
    assert sum(layer.parameters for layer in table) == table.parameters == sum(p.numel() for p in model.parameters())
    for layer in table:
        if layer.counted:
            assert eval(layer.counted.replace("·", "*")) == layer.parameters


@pytest.mark.parametrize("name", ["residual"])
def test_a_receptive_field_is_as_wide_as_the_gradient_of_one_output(name: str) -> None:
    model = MODELS[name].eval()
    for parameter in model.parameters():
        nn.init.ones_(parameter)  # no sum may cancel
    inputs = torch.ones(1, 1, 28, 28, requires_grad=True)
    model(inputs)[0, 0, 7, 7].backward()
    assert inputs.grad is not None
    rows = inputs.grad[0, 0].abs().sum(1).nonzero()
    fields = {layer.name: layer.field for layer in summary(model, IMAGE)}
    assert fields["last"] == (int(rows.max() - rows.min()) + 1,) * 2 == (11, 11)
    assert fields["first"] == (3, 3)


def test_sequence_models_say_what_they_do_not_know() -> None:
    symbols = torch.zeros(1, 16, dtype=torch.int64)
    lstm = summary(LSTM(embedding=4, hidden=8).build((16,), 20), symbols)
    assert lstm.multiply_adds == 16 * (4 * 8 * 4 + 4 * 8 * 8) + 16 * 8 * 20
    assert any(layer.multiply_adds is None for layer in summary(Transformer().build((16,), 20), symbols))


def test_shared_layers_count_once_and_a_dropped_pixel_is_a_warning() -> None:
    shared = nn.Linear(7, 7)
    table = summary(nn.Sequential(shared, shared, nn.MaxPool2d(2)), torch.zeros(1, 1, 7, 7))
    assert [layer.parameters for layer in table] == [56, 0, 0]
    assert table.fully_connected == table.parameters == 56
    assert "1 of 7 rows" in str(table)
    assert "⌊(7 - 2 + 2·0)/2⌋ + 1 = 3" in str(table)


def test_the_products_of_attention_are_counted_by_torch() -> None:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    shown = summary(nn.Sequential(nn.Linear(16, 32), layer), torch.randn(2, 10, 16))
    by_name = {row.name: row.multiply_adds for row in shown}
    projections, products, out = 3 * 10 * 32 * 32, 2 * 10 * 10 * 32, 10 * 32 * 32
    assert by_name["1.self_attn"] == projections + products + out
    assert by_name["1.self_attn.out_proj"] == 0
    assert shown.multiply_adds == 10 * 16 * 32 + projections + products + out + 2 * 10 * 32 * 64
    assert "at least" not in str(shown)
    assert "?" not in str(shown)


def test_products_outside_of_all_layers_have_a_row_of_their_own() -> None:
    class Squared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(x)
            return x @ x.transpose(-1, -2)

    shown = summary(Squared(), torch.randn(3, 5, 4))
    assert [(row.name, row.multiply_adds) for row in shown] == [
        ("layers.0", 5 * 16),
        ("layers.1", 5 * 16),
        ("", 5 * 5 * 4),
    ]


def test_what_the_counter_does_not_know_is_still_said() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x[..., None] * self.weight).sum(-1)

    shown = summary(nn.Sequential(Odd()), torch.randn(3, 4))
    assert next(iter(shown)).multiply_adds is None
    assert "at least" in str(shown)


def test_recurrent_layers_keep_their_formula() -> None:
    shown = summary(nn.Sequential(nn.GRU(4, 8, batch_first=True)), torch.randn(2, 5, 4))
    assert shown.multiply_adds == 5 * 3 * 8 * (4 + 8)
