import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck.init import activations


@pytest.mark.parametrize(
    ("module", "gain"),
    [
        (nn.ReLU(), math.sqrt(2)),
        (nn.LeakyReLU(0.01), 1.4141428569978354),
        (nn.LeakyReLU(0.2), math.sqrt(2 / 1.04)),
        (nn.PReLU(), math.sqrt(2 / (1 + 0.25**2))),
        (nn.PReLU(8, init=0.1), math.sqrt(2 / 1.01)),
        (nn.Tanh(), 5 / 3),
        (nn.Sigmoid(), 1.0),
        (nn.SELU(), 1.0),
        (nn.Softmax(dim=1), 1.0),
    ],
)
def test_gains(module, gain):
    assert activations.of_module(module).gain == pytest.approx(gain, rel=1e-6)


@pytest.mark.parametrize(
    "module",
    [
        *(nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.Mish(), nn.ELU(), nn.CELU(2.0), nn.Softplus()),
        *(nn.Hardswish(), nn.ReLU6(), nn.RReLU(), nn.Softsign(), nn.Hardtanh(-2, 2)),
    ],
)
def test_gain_makes_up_for_the_second_moment(module):
    activation = activations.of_module(module)
    z = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        second_moment = (module.eval()(z) ** 2).mean().item()
    assert activation.gain**2 * second_moment == pytest.approx(1, rel=0.01)


def test_gain_before_a_gated_linear_unit():
    activation = activations.of_module(nn.GLU())
    z = torch.randn(1_000_000, 2, generator=torch.Generator().manual_seed(0))
    assert (activation.name, activation.scheme) == ("glu", "he")
    assert activation.gain**2 * functional.glu(z).square().mean().item() == pytest.approx(1, rel=0.01)


class Maxout(nn.Module):
    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces


@pytest.mark.parametrize("pieces", [2, 3, 5])
def test_gain_before_the_largest_of_several(pieces):
    activation = activations.of_module(Maxout(pieces))
    z = torch.randn(200_000, pieces, generator=torch.Generator().manual_seed(0))
    assert (activation.name, activation.scheme) == ("maxout", "he")
    assert activation.gain**2 * z.amax(1).square().mean().item() == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("gain_of", ["tanh", "relu", "leaky_relu", "sigmoid", "linear"])
def test_gains_of_torch(gain_of):
    found = (
        activations.NONE
        if gain_of == "linear"
        else activations.of_call(gain_of, getattr(functional, gain_of), (0,), {})
    )
    assert found.gain == pytest.approx(nn.init.calculate_gain(gain_of), rel=1e-6)


@pytest.mark.parametrize(
    ("module", "scheme"),
    [(nn.ReLU(), "he"), (nn.GELU(), "he"), (nn.Tanh(), "xavier"), (nn.Sigmoid(), "xavier"), (nn.SELU(), "lecun")],
)
def test_scheme_before(module, scheme):
    assert activations.of_module(module).scheme == scheme


@pytest.mark.parametrize(
    ("module", "bounds"),
    [
        (nn.Tanh(), (-1, 1)),
        (nn.Sigmoid(), (0, 1)),
        (nn.Hardtanh(-2, 3), (-2, 3)),
        (nn.ReLU6(), (0, 6)),
        (nn.ReLU(), None),
    ],
)
def test_bounds(module, bounds):
    assert activations.of_module(module).bounds == (None if bounds is None else pytest.approx(bounds))


def test_calls_carry_their_arguments():
    x = torch.zeros(3)
    slope = activations.of_call("leaky_relu_", functional.leaky_relu, (x, 0.2), {})
    assert slope.gain == pytest.approx(math.sqrt(2 / 1.04), rel=1e-6)
    named = activations.of_call(
        "leaky_relu", functional.leaky_relu, (), {"input": x, "negative_slope": 0.2, "inplace": True}
    )
    assert named.gain == pytest.approx(slope.gain)
    learned = activations.of_call("prelu", functional.prelu, (x, torch.tensor([0.2])), {})
    assert learned.gain == pytest.approx(slope.gain, rel=1e-6)


def test_relu6_in_the_form_that_torch_calls_it():
    found = activations.of_call("hardtanh", functional.hardtanh, (torch.zeros(3), 0.0, 6.0), {})
    assert (found.name, found.scheme) == ("relu6", "he")


def test_clamp_at_zero_is_a_relu():
    x = torch.zeros(3)
    assert activations.of_call("clamp", torch.clamp, (x,), {"min": 0}).name == "relu"
    assert activations.of_call("clamp_min_", torch.clamp_min, (x, 0.0), {}).name == "relu"
    assert activations.of_call("clamp", torch.clamp, (x, 0, 1), {}) is None
    assert activations.of_call("clamp", torch.clamp, (x, -1.0), {}) is None


def test_other_things_are_no_activations():
    assert activations.of_module(nn.Linear(3, 3)) is None
    assert activations.of_call("add", torch.add, (), {}) is None
    assert activations.of_value(3) is None
    assert activations.of_value(functional.gelu).name == "gelu"
    assert activations.of_value(nn.SiLU()).name == "silu"


class Tanh(nn.Module):
    """Not torch's: what it computes is unknown."""


def test_a_namesake_from_elsewhere_is_not_trusted():
    assert activations.of_module(Tanh()) is None
