import copy
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn

from unstuck.init import activation_statistics, initialize


def tower(depth, width, activation, **options):
    layers = [layer for _ in range(depth) for layer in (nn.Linear(width, width, **options), activation())]
    return nn.Sequential(*layers)


def second_moments(model, scheme, seeds, width):
    """Return the second moment after each layer, averaged over draws of the weights."""
    batch = F.normalize(torch.randn(8, width, generator=torch.Generator().manual_seed(99))) * math.sqrt(width)
    moments = []
    for seed in range(seeds):
        initialize(model, scheme, seed=seed)
        moments.append([row.second_moment for row in activation_statistics(model, batch)])
    return np.mean(moments, axis=0)


def test_he_keeps_the_second_moment_over_20_relu_layers():
    # One draw of a net this wide strays by sqrt(20 * 5 / 256), hence so many.
    moments = second_moments(tower(20, 256, nn.ReLU), "he", seeds=100, width=256)
    np.testing.assert_allclose(moments, 1.0, rtol=0.1)


def test_xavier_halves_it_at_each_relu_layer():
    model = tower(20, 256, nn.ReLU)
    he, xavier = (second_moments(model, scheme, seeds=2, width=256) for scheme in ("he", "xavier"))
    np.testing.assert_allclose(xavier / he, 0.5 ** np.arange(1, 21), rtol=1e-3)


def test_auto_is_he_where_all_is_relu():
    model = tower(3, 16, nn.ReLU)
    initialize(model, "auto", seed=0)
    found = copy.deepcopy(model.state_dict())
    initialize(model, "he", seed=0)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found[name], value)


@pytest.mark.parametrize("activation", [lambda: nn.LeakyReLU(0.3), nn.GELU, nn.SiLU, nn.ELU])
def test_auto_keeps_unit_variance_from_one_pre_activation_to_the_next(activation):
    function = activation()
    layer = nn.Linear(512, 512)
    entering = torch.randn(64, 512, generator=torch.Generator().manual_seed(0))
    moments = []
    for seed in range(20):
        initialize(nn.Sequential(layer, function), seed=seed)
        with torch.no_grad():
            moments.append(layer(function(entering)).square().mean().item())
    assert np.mean(moments) == pytest.approx(1.0, rel=0.05)


def test_selu_normalises_itself():
    model = tower(20, 256, nn.SELU)
    initialize(model, seed=0)
    last = activation_statistics(model, torch.randn(512, 256, generator=torch.Generator().manual_seed(0))).layers[-1]
    assert abs(last.mean) < 0.1
    assert last.std == pytest.approx(1, abs=0.1)


def test_tanh_with_auto_keeps_its_spread():
    model = tower(20, 512, nn.Tanh)
    initialize(model, seed=0)
    spreads = [row.std for row in activation_statistics(model, torch.randn(100, 512))]
    # With a gain of 5/3 the fixed point of v = E[tanh(5/3 sqrt(v) z)^2] is at v = 0.4236.
    assert spreads[-1] == pytest.approx(math.sqrt(0.4236), rel=0.03)


def test_gradients_of_a_deep_sigmoid_net_shrink_as_published():
    """Nielsen, chapter 5: in nets of 30 units a layer, each layer's gradient is 0.17 to 0.25 of the next one's."""
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), F.one_hot(torch.tensor(labels), 10).float()
    ratios = []
    for seed in range(10):
        widths = [64, 30, 30, 30, 30, 10]
        layers = [part for n, m in pairwise(widths) for part in (nn.Linear(n, m), nn.Sigmoid())]
        model = nn.Sequential(*layers)
        initialize(model, "lecun", seed=seed)
        F.binary_cross_entropy(model(x), y).backward()
        norms = [layer.bias.grad.norm().item() for layer in model[:-2] if isinstance(layer, nn.Linear)]
        ratios.append([first / second for first, second in pairwise(norms)])
    typical = np.median(ratios, axis=0)
    assert (typical > 0.15).all()
    assert (typical < 0.35).all()


@settings(deadline=None, max_examples=30)
@given(
    inputs=st.integers(1, 9),
    hidden=st.integers(1, 9),
    kernel=st.integers(1, 3),
    scheme=st.sampled_from(["auto", "he", "xavier_uniform", "orthogonal", "normal", "lecun", "zeros"]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_any_shape_is_finite_repeatable_and_differs_by_seed(inputs, hidden, kernel, scheme, dtype):
    def build(seed):
        model = nn.Sequential(
            nn.Conv1d(inputs, hidden, kernel), nn.ReLU(), nn.ConvTranspose1d(hidden, inputs, kernel), nn.Tanh()
        ).to(dtype)
        table = initialize(model, scheme, seed=seed)
        return model, table

    (first, table), (same, _), (other, _) = build(1), build(1), build(2)
    for name, parameter in first.named_parameters():
        assert parameter.isfinite().all()
        assert parameter.dtype == dtype
        assert torch.equal(parameter, same.get_parameter(name))
        if name.endswith("bias"):
            assert parameter.eq(0).all()
    if scheme not in ("zeros", "orthogonal"):
        assert not torch.equal(first[0].weight, other[0].weight)
    assert len(table) == 2


def test_auto_by_activation():
    model = nn.Sequential(
        *(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.Tanh()),
        *(nn.Linear(8, 8), nn.SELU(), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 4)),
    )
    rows = [(row.followed_by, row.scheme, round(row.gain, 4)) for row in initialize(model)]
    assert rows == [
        ("relu", "he", 1.4142),
        ("leaky_relu", "he", 1.3868),
        ("tanh", "xavier", 1.6667),
        ("selu", "lecun", 1.0),
        ("sigmoid", "xavier", 1.0),
        ("none", "xavier", 1.0),
    ]


def test_norms_embeddings_and_activations_are_left():
    model = nn.Sequential(nn.Embedding(9, 4), nn.LayerNorm(4), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.PReLU())
    nn.init.zeros_(model[3].weight)
    nn.init.normal_(model[1].bias)
    before = copy.deepcopy(model.state_dict())
    table = initialize(model)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"2.weight", "2.bias"}
    assert {row.name: row.note for row in table if row.scheme is None} == {
        "0": "embedding",
        "1": "norm",
        "3": "norm",
        "4": "activation",
    }


@pytest.mark.parametrize("scheme", ["auto", "he"])
def test_zero_initialised_branch_is_left(scheme):
    model = tower(3, 6, nn.ReLU)
    nn.init.zeros_(model[2].weight)
    bias = model[2].bias.detach().clone()
    table = initialize(model, scheme)
    assert model[2].weight.eq(0).all()
    assert torch.equal(model[2].bias, bias)
    assert "zero-initialised" in table["2.weight"].note
    assert model[0].weight.ne(0).all()


def test_a_model_that_is_zero_throughout_is_no_residual_branch():
    model = tower(3, 6, nn.ReLU)
    initialize(model, "zeros")
    assert all(parameter.eq(0).all() for parameter in model.parameters())
    initialize(model, "auto")
    assert all(layer.weight.ne(0).all() for layer in model[::2])


def test_zeros_keep_units_copies_of_each_other():
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    initialize(model, "zeros")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(model(torch.randn(8, 4)), torch.arange(8) % 3).backward()
        optimizer.step()
    assert (model[0].weight == model[0].weight[:1]).all()


def test_tied_weights_are_initialised_once():
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    second.weight = first.weight
    model = nn.Sequential(first, nn.ReLU(), second, nn.Tanh())
    table = initialize(model, seed=3)
    assert table["0.weight"].scheme == "he"
    assert table["2.weight"].note == "tied to 0.weight"
    alone = nn.Sequential(nn.Linear(6, 6), nn.ReLU())
    initialize(alone, seed=3)
    assert torch.equal(alone[0].weight, first.weight)


def test_head_tied_to_an_embedding_is_left_whichever_comes_first():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.embedding = nn.Linear(4, 9), nn.Embedding(9, 4)
            self.head.weight = self.embedding.weight

        def forward(self, x):
            return self.head(self.embedding(x))

    model = Model()
    before = model.embedding.weight.detach().clone()
    table = initialize(model)
    assert torch.equal(model.embedding.weight, before)
    assert table["head.weight"].note == "tied to embedding"


def test_frozen_and_parametrised_weights_are_left():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))
    model[0].requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    table = initialize(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert table["0.weight"].note == "frozen"
    assert table["2"].note == "its weight is computed from other parameters"


@pytest.mark.parametrize("build", [nn.LSTM, nn.GRU, nn.RNN, nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_recurrent_layers(build):
    layer = build(12, 8)
    initialize(layer, forget_bias=2.0, seed=0, example=torch.ones(3, 12))
    gates = {nn.LSTM: 4, nn.LSTMCell: 4, nn.GRU: 3, nn.GRUCell: 3}.get(build, 1)
    for name, parameter in layer.named_parameters():
        if "weight_hh" in name:
            for gate in parameter.chunk(gates):
                torch.testing.assert_close(gate @ gate.T, torch.eye(8), rtol=1e-5, atol=1e-5)
        elif "weight_ih" in name:
            assert parameter.std().item() == pytest.approx(math.sqrt(2 / 20), rel=0.25)
        elif gates == 4 and "bias_ih" in name:
            assert parameter.tolist() == [0] * 8 + [2] * 8 + [0] * 16
        else:
            assert parameter.eq(0).all()


def test_attention_matrices_are_scaled_apart():
    layer = nn.MultiheadAttention(128, 4)
    table = initialize(nn.ModuleDict({"attention": layer}), "xavier", seed=0)
    for block in layer.in_proj_weight.chunk(3):
        assert block.std().item() == pytest.approx(math.sqrt(1 / 128), rel=0.05)
    assert layer.in_proj_bias.eq(0).all()
    assert table["attention.out_proj.weight"].std == pytest.approx(math.sqrt(1 / 128))


def test_parameters_of_unknown_modules_are_named():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.position = nn.Parameter(torch.ones(3))
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return self.layer(x + self.position)

    table = initialize(Model())
    assert table["(model)"].note == "no layer known here: position"


def test_gain_and_generator_of_ones_own():
    model = nn.Sequential(nn.Linear(400, 400), nn.ReLU())
    initialize(model, gain=3.0, generator=torch.Generator().manual_seed(0))
    assert model[0].weight.std().item() == pytest.approx(3 / 20, rel=0.02)


def test_global_generator_is_used_only_without_a_seed():
    model = tower(2, 4, nn.ReLU)
    before = torch.get_rng_state()
    initialize(model, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    initialize(model)
    first = model[0].weight.detach().clone()
    torch.manual_seed(5)
    initialize(model)
    assert torch.equal(model[0].weight, first)


def test_untraceable_model_warns_and_says_so():
    class Fork(nn.Sequential):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else x

    model = Fork(nn.Linear(3, 3), nn.ReLU())
    with pytest.warns(UserWarning, match="could not be traced .*give example=batch"):
        table = initialize(model)
    assert table.found_by == "registration order"
    assert "found by registration order" in str(table)
    assert initialize(model, example=torch.ones(2, 3)).found_by == "example batch"


def test_gradients_can_flow_afterwards():
    model = tower(2, 4, nn.ReLU)
    initialize(model)
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in model.parameters())
    model(torch.ones(1, 4)).sum().backward()


def test_parameters_without_values_are_refused():
    lazy = nn.Sequential(nn.LazyLinear(4))
    with pytest.raises(ValueError, match=r"parameter '0.weight' belongs to a lazy module.*run one batch"):
        initialize(lazy)
    with pytest.raises(ValueError, match=r"parameter '0.weight' is on the meta device.*to_empty"):
        initialize(nn.Sequential(nn.Linear(3, 3, device="meta")))


def test_bad_input():
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got list"):
        initialize([torch.zeros(2)])
    with pytest.raises(TypeError, match="a seed or a generator, not both"):
        initialize(nn.Linear(2, 2), seed=0, generator=torch.Generator())
    with pytest.raises(ValueError, match="did you mean 'xavier'"):
        initialize(nn.Linear(2, 2), "xaviar")


def test_biases_may_be_drawn_as_textbooks_do():
    model = nn.Sequential(nn.Linear(4, 3000), nn.Linear(3000, 2), nn.BatchNorm1d(2))
    table = initialize(model, "normal", biases="normal", seed=0)
    assert model[0].bias.std().item() == pytest.approx(1.0, rel=0.05)
    assert model[0].bias.mean().item() == pytest.approx(0.0, abs=0.05)
    assert "N(0, 1)" in str(table)
    assert (model[2].bias == 0).all()
    other = nn.Sequential(nn.Linear(4, 3000), nn.Linear(3000, 2), nn.BatchNorm1d(2))
    initialize(other, "normal", biases="normal", seed=0)
    assert torch.equal(model[0].bias, other[0].bias)


def test_biases_of_another_kind_are_refused():
    with pytest.raises(ValueError, match=r"biases must be 'zero' or 'normal', got 'ones'"):
        initialize(nn.Linear(2, 2), biases="ones")
