from __future__ import annotations

import torch
from torch import Tensor, nn

from unstuck.observe.autograd.wiring import wiring_of
from unstuck.record.facts import Connection


def wires(model: nn.Module, x: Tensor) -> dict[str, Connection]:
    output = model(x)
    output = output[0] if isinstance(output, tuple) else output
    return {
        wire.parameter: wire for wire in wiring_of(output.square().mean(), dict(model.named_parameters())).connections
    }


def test_layers_that_follow_each_other_directly() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    found = wires(model, torch.randn(4, 3))
    assert found["0.weight"] == Connection(parameter="0.weight", inputs=True)
    assert found["2.weight"] == Connection(parameter="2.weight", linear=("0.weight",), before=("0.weight",))
    assert found["4.weight"] == Connection(parameter="4.weight", linear=("2.weight",), before=("2.weight",))


def test_products_with_constants_are_linear() -> None:
    """Graph convolutions multiply by the neighbourhood between their layers."""
    first, second, neighbours = nn.Linear(3, 8), nn.Linear(8, 2), torch.rand(4, 4)
    output = second(neighbours @ first(torch.randn(4, 3)))
    named = {"first": first.weight, "second": second.weight}
    found = {wire.parameter: wire for wire in wiring_of(output.sum(), named).connections}
    assert found["second"] == Connection(parameter="second", linear=("first",), before=("first",))
    assert found["first"].inputs


def test_activations_are_named() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8), nn.Softmax(1), nn.Linear(8, 2))
    found = wires(model, torch.randn(4, 3))
    assert [found[f"{i}.weight"].operations for i in (2, 4)] == [("Relu",), ("Softmax",)]


def test_sequences_and_images() -> None:
    found = wires(nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2, bias=False)), torch.randn(4, 5, 3))
    assert found["1.weight"].linear == ("0.weight",)
    images = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(36, 2))
    found = wires(images, torch.randn(2, 1, 12, 12))
    assert found["2.weight"].operations == ("MaxPool2DWithIndices",)
    assert found["4.weight"].linear == ("2.weight",)


def test_a_residual_joins_what_it_adds() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = self.a(x)
            return self.c(h + torch.tanh(self.b(h)))

    found = wires(Residual(), torch.randn(4, 3))
    assert set(found["c.weight"].linear) == {"a.weight"}
    assert found["c.weight"].operations == ("Tanh",)


def test_recurrence_and_attention_are_no_linear_maps() -> None:
    found = wires(nn.GRU(3, 5), torch.randn(4, 2, 3))
    assert not any(wire.linear for wire in found.values())
    found = wires(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.randn(4, 2, 8))
    assert not any(wire.linear for wire in found.values())


def test_what_comes_before_a_weight_is_told_past_activations() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.c(torch.cat([torch.sigmoid(self.a(x)), self.b(x).relu()], dim=1))

    found = wires(Branches(), torch.randn(4, 3))
    assert set(found["c.weight"].before) == {"a.weight", "b.weight"}
    assert found["a.weight"].before == found["b.weight"].before == ()


def test_a_compiled_function_is_not_looked_into() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    compiled = torch.compile(model, backend="aot_eager")
    found = wiring_of(compiled(torch.randn(2, 3)).sum(), dict(model.named_parameters()))
    torch.compiler.reset()
    assert not found.complete
    assert not found.connections
