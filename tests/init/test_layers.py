import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unstuck.init.layers import weights_of


def connections(module, shape):
    """Count by the Jacobian, position by position: inputs that reach an output, outputs that an input reaches."""
    nn.init.ones_(module.weight)
    jacobian = torch.autograd.functional.jacobian(module, torch.ones(shape))
    matrix = jacobian.reshape(-1, math.prod(shape)).ne(0).double()
    return matrix.sum(1), matrix.sum(0)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("layer", [nn.Conv1d, nn.ConvTranspose1d])
def test_fans_count_the_connections_away_from_the_borders(layer, stride, groups):
    kernel, length = 6, 60
    module = layer(4, 8, kernel, stride=stride, groups=groups, bias=False)
    (weight,) = weights_of(module)
    into, out_of = connections(module, (1, 4, length))

    def inner_mean(counts, channels):
        by_position = counts.reshape(channels, -1)
        # Six positions are a whole number of any of the strides, and these are beyond the reach of the borders.
        return by_position[:, 6:12].mean().item()

    assert weight.fan_in == pytest.approx(inner_mean(into, 8))
    assert weight.fan_out == pytest.approx(inner_mean(out_of, 4))


@pytest.mark.parametrize("module", [nn.Linear(7, 5), nn.Bilinear(3, 4, 5)])
def test_fans_of_plain_layers(module):
    (weight,) = weights_of(module)
    assert (weight.fan_in, weight.fan_out) == (module.weight[0].numel(), 5)


@settings(deadline=None, max_examples=40)
@given(groups=st.integers(1, 4), inputs=st.integers(1, 4), outputs=st.integers(1, 4), kernel=st.integers(1, 4))
def test_for_plain_convolutions_fans_are_those_of_torch(groups, inputs, outputs, kernel):
    module = nn.Conv2d(groups * inputs, groups * outputs, kernel, groups=groups)
    (weight,) = weights_of(module)
    fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(module.weight)
    assert weight.fan_in == fan_in
    # torch counts the outputs of all groups, though an input reaches only those of its own.
    assert weight.fan_out == fan_out / groups


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
def test_written_matrices_act_as_matrices(layer, groups):
    """A 1 x 1 convolution is a matrix product within each group."""
    module = layer(6, 4, 1, groups=groups, bias=False)
    (weight,) = weights_of(module)
    matrices = torch.randn(weight.blocks, weight.rows, weight.columns)
    weight.write(matrices)
    x = torch.randn(3, 6, 1, 1)
    expected = torch.einsum("goi,ngi->ngo", matrices, x.reshape(3, groups, 6 // groups)).reshape(3, 4, 1, 1)
    torch.testing.assert_close(module(x), expected)


def test_recurrent_layers_have_a_block_for_each_gate():
    roles = {w.name: (w.role, w.blocks, w.rows, w.columns) for w in weights_of(nn.LSTM(3, 5, num_layers=2))}
    assert roles == {
        "weight_ih_l0": ("input", 4, 5, 3),
        "weight_hh_l0": ("hidden", 4, 5, 5),
        "weight_ih_l1": ("input", 4, 5, 5),
        "weight_hh_l1": ("hidden", 4, 5, 5),
    }
    assert [w.blocks for w in weights_of(nn.GRUCell(3, 5))] == [3, 3]
    projected = {w.name: (w.rows, w.columns) for w in weights_of(nn.LSTM(3, 5, proj_size=2))}
    assert projected == {"weight_ih_l0": (5, 3), "weight_hh_l0": (5, 2), "weight_hr_l0": (2, 5)}


def test_attention_has_a_block_for_query_key_and_value():
    (weight,) = weights_of(nn.MultiheadAttention(6, 2))
    assert (weight.name, weight.blocks, weight.fan_in, weight.fan_out) == ("in_proj_weight", 3, 6, 6)
    apart = {w.name: (w.blocks, w.rows, w.columns) for w in weights_of(nn.MultiheadAttention(6, 2, kdim=4, vdim=3))}
    assert apart == {"q_proj_weight": (1, 6, 6), "k_proj_weight": (1, 6, 4), "v_proj_weight": (1, 6, 3)}


def test_other_modules_and_computed_weights_have_none():
    for module in (
        nn.ReLU(),
        nn.BatchNorm1d(3),
        nn.Embedding(3, 4),
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
    ):
        assert list(weights_of(module)) == []
