import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unstuck.init import SCHEMES, Scheme, schemes
from unstuck.init.layers import weights_of

VARIANCE = {
    "normal": lambda n, m: 1.0,
    "lecun": lambda n, m: 1 / n,
    "small": lambda n, m: 0.0004,
    "xavier": lambda n, m: 2 / (n + m),
    "xavier_uniform": lambda n, m: 2 / (n + m),
    "he": lambda n, m: 2 / n,
    "he_uniform": lambda n, m: 2 / n,
    "zeros": lambda n, m: 0.0,
    "orthogonal": lambda n, m: 1 / max(n, m),
}


def draw(name, module, seed=0, **options):
    (weight,) = weights_of(module)
    return SCHEMES[name].draw(weight, generator=torch.Generator().manual_seed(seed), **options), weight


def test_every_scheme_has_an_oracle():
    assert VARIANCE.keys() == SCHEMES.keys()


@pytest.mark.parametrize("name", VARIANCE)
@pytest.mark.parametrize(("inputs", "outputs"), [(300, 200), (200, 600)])
def test_variance_is_that_of_the_formula(name, inputs, outputs):
    values, weight = draw(name, nn.Linear(inputs, outputs))
    expected = VARIANCE[name](inputs, outputs)
    assert SCHEMES[name].std_of(weight) == pytest.approx(math.sqrt(expected), rel=1e-12)
    # 60,000 values: the variance of a sample is known to about 0.6%, its mean to std / 245.
    assert values.var().item() == pytest.approx(expected, rel=0.03)
    assert abs(values.mean().item()) <= 4 * math.sqrt(expected / values.numel())


@pytest.mark.parametrize("name", ["xavier_uniform", "he_uniform"])
def test_uniform_is_uniform_to_its_bound(name):
    values, weight = draw(name, nn.Linear(300, 200))
    bound = math.sqrt(3) * SCHEMES[name].std_of(weight)
    assert values.abs().max() <= bound
    quarter = (values < -bound / 2).double().mean().item()
    assert quarter == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("xavier", nn.init.xavier_normal_),
        ("xavier_uniform", nn.init.xavier_uniform_),
        ("he", lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")),
        ("he_uniform", lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu")),
    ],
)
@pytest.mark.parametrize("module", [nn.Linear(30, 50), nn.Conv2d(8, 16, 3)])
def test_equals_torch_init_bit_for_bit_or_nearly(name, theirs, module):
    values, weight = draw(name, module)
    weight.write(values)
    ours = module.weight.detach().clone()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs(module.weight)
    torch.testing.assert_close(ours, module.weight.detach(), rtol=1e-5, atol=1e-7)


@settings(deadline=None, max_examples=40)
@given(
    groups=st.integers(1, 3),
    inputs=st.integers(1, 12),
    outputs=st.integers(1, 12),
    kernel=st.integers(1, 3),
    gain=st.floats(0.1, 3),
    transposed=st.booleans(),
)
def test_orthogonal_within_each_group(groups, inputs, outputs, kernel, gain, transposed):
    layer = nn.ConvTranspose1d if transposed else nn.Conv1d
    values, weight = draw(
        "orthogonal", layer(groups * inputs, groups * outputs, kernel, groups=groups).double(), gain=gain
    )
    shorter = min(weight.rows, weight.columns)
    gram = values @ values.mT if weight.rows == shorter else values.mT @ values
    torch.testing.assert_close(gram, gain**2 * torch.eye(shorter, dtype=values.dtype).expand_as(gram))


def test_orthogonal_has_rotations_and_reflections():
    """Without the correction of signs a QR decomposition gives one of the two only."""
    rotations = sum(torch.det(draw("orthogonal", nn.Linear(4, 4), seed)[0][0]).item() > 0 for seed in range(200))
    assert 70 < rotations < 130


@pytest.mark.parametrize(("given", "meant"), [("Xavier", "xavier"), ("glorot", "xavier"), ("kaiming", "he")])
def test_other_names(given, meant):
    assert schemes.find(given) is SCHEMES[meant]


@pytest.mark.parametrize(("given", "meant"), [("xaiver", "xavier"), ("orthogonl", "orthogonal"), ("atuo", "auto")])
def test_unknown_name_gets_the_nearest(given, meant):
    with pytest.raises(
        ValueError, match=rf"scheme must be one of auto, normal, .*got '{given}'; did you mean '{meant}'\?"
    ):
        schemes.find(given)


def test_unknown_name_far_from_any():
    with pytest.raises(ValueError, match=r"got 'qqq'$"):
        schemes.find("qqq")
    with pytest.raises(TypeError, match=r"scheme must be a name or a Scheme, got 3 \(int\)"):
        schemes.find(3)


def test_a_scheme_of_ones_own():
    mine = Scheme(name="mine", formula="N(0, 9)", source="", variance=lambda fan_in, fan_out: 9.0)
    assert schemes.find(mine) is mine
    (weight,) = weights_of(nn.Linear(300, 300))
    assert mine.draw(weight).std().item() == pytest.approx(3, rel=0.05)
