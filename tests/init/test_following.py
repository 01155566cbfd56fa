import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unstuck.init.following import follow


class Functional(nn.Module):
    """Each layer is followed by another kind of call."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d, self.e = (nn.Linear(6, 6) for _ in range(5))
        self.norm = nn.LayerNorm(6)
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        x = F.relu(self.a(x))
        x = torch.tanh(F.dropout(self.norm(self.b(x)), 0.1, self.training))
        x = self.c(x).view(x.size(0), -1).sigmoid()
        x = F.leaky_relu(self.d(x), 0.2)
        x = self.e(x).clamp(min=0)
        return self.out(x)


class Untraceable(Functional):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.skip = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(3, 4, 1)
        self.norm, self.act = nn.BatchNorm2d(4), nn.SELU(inplace=True)

    def forward(self, x):
        return self.act(self.norm(self.two(self.act(self.one(x)))) + self.skip(x)).mean((2, 3))


class Attention(nn.Module):
    """Softmax follows a product of two layers' outputs, not the layers; gating follows one of two branches."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.gate, self.up, self.down = (nn.Linear(6, 6) for _ in range(6))

    def forward(self, x):
        x = (self.q(x) @ self.k(x).mT).softmax(-1) @ self.v(x)
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Maxout(nn.Module):
    """As unstuck.nn has it, but for its checks; its own operations are no activations."""

    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, x):
        return x.unflatten(1, (self.pieces, -1)).amax(dim=1)


class MaxoutNetwork(nn.Sequential):
    def __init__(self):
        super().__init__(
            *(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), Maxout(3), nn.Flatten()),
            *(nn.Linear(2 * 3 * 3, 8), Maxout(2), nn.Linear(4, 2)),
        )


CASES = [
    (Functional, torch.ones(2, 6), {"a": "relu", "b": "tanh", "c": "sigmoid", "d": "leaky_relu", "e": "relu"}),
    (Residual, torch.ones(2, 3, 5, 5), {"one": "selu", "two": "selu", "skip": "selu"}),
    (Attention, torch.ones(2, 4, 6), {"gate": "silu"}),
    (MaxoutNetwork, torch.ones(2, 1, 5, 5), {"0": "maxout", "4": "maxout"}),
]


@pytest.mark.parametrize("way", ["symbolic trace", "example batch"])
@pytest.mark.parametrize(("build", "batch", "expected"), CASES, ids=["functional", "residual", "attention", "maxout"])
def test_both_ways_see_what_follows(build, batch, expected, way):
    following = follow(build(), batch if way == "example batch" else None)
    assert following.how == way
    assert {layer: activation.name for layer, activation in following.by_layer.items()} == expected


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


BETWEEN = {
    "max pooling": nn.MaxPool2d(2),
    "max pooling, as a function": Lambda(lambda x: F.max_pool2d(x, 2)),
    "max pooling that tells its indices": Lambda(lambda x: F.max_pool2d(x, 2, return_indices=True)[0]),
    "mean pooling": nn.AvgPool2d(2),
    "pooling to a size": nn.AdaptiveMaxPool2d(2),
    "largest along a dimension": Lambda(lambda x: x.max(2)[0]),
    "dropout": nn.Dropout2d(0.2),
    "flatten": nn.Flatten(),
    "view": Lambda(lambda x: x.view(x.size(0), -1)),
    "batch norm": nn.BatchNorm2d(4),
    "group norm": nn.GroupNorm(2, 4),
    "layer norm": nn.LayerNorm([4, 8, 8]),
    "one half": Lambda(lambda x: x.chunk(2, 1)[1]),
    "pooling, norm and dropout": nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.Dropout(0.1)),
}


@pytest.mark.parametrize("way", ["symbolic trace", "example batch", "registration order"])
@pytest.mark.parametrize("between", BETWEEN)
def test_what_lies_between_layer_and_activation_is_looked_through(between, way):
    class Branching(nn.Sequential):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else x

    kind = Branching if way == "registration order" else nn.Sequential
    model = kind(nn.Conv2d(3, 4, 3, padding=1), BETWEEN[between], nn.Tanh())
    following = follow(model, torch.ones(2, 3, 8, 8) if way == "example batch" else None)
    assert following.how == way
    assert {layer: activation.name for layer, activation in following.by_layer.items()} == {"0": "tanh"}


def test_last_state_of_a_recurrence_belongs_to_it():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.rnn, self.out = nn.Linear(4, 4), nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 2)

        def forward(self, x):
            _, (last, _) = self.rnn(self.embed(x))
            return self.out(torch.relu(last[-1]))

    for example in (None, torch.ones(2, 3, 4)):
        assert set(follow(Reader(), example).by_layer) == {"rnn"}


def test_slope_of_a_functional_call_is_seen():
    for example in (None, torch.ones(2, 6)):
        assert follow(Functional(), example).by_layer["d"].gain == pytest.approx((2 / 1.04) ** 0.5, rel=1e-6)


def test_untraceable_model_needs_the_example():
    blind = follow(Untraceable())
    assert blind.how == "registration order"
    assert "TraceError" in blind.reason
    assert blind.by_layer == {}
    seeing = follow(Untraceable(), torch.ones(2, 6))
    assert len(seeing.by_layer) == 5


def test_registration_order_takes_the_next_module():
    class Sequence(nn.Sequential):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else x

    model = Sequence(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 3), nn.Linear(3, 3), nn.Tanh())
    following = follow(model)
    assert following.how == "registration order"
    assert {layer: found.name for layer, found in following.by_layer.items()} == {"0": "relu", "4": "tanh"}


@pytest.mark.parametrize("example", [None, torch.ones(2, 5, 8)])
def test_inside_torchs_transformer(example):
    block = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
    model = nn.Sequential(block, nn.Linear(8, 2))
    following = follow(model, example)
    assert {layer: found.name for layer, found in following.by_layer.items()} == {"0.linear1": "gelu"}


@pytest.mark.parametrize("example", [None, torch.ones(2, 6)])
def test_compiled_model_is_looked_at_uncompiled(example):
    def refuse(graph, inputs):
        raise AssertionError("compiled for a look")

    following = follow(torch.compile(Functional(), backend=refuse), example)
    assert following.how != "registration order"
    assert following.by_layer["_orig_mod.b"].name == "tanh"


def test_module_shared_by_two_places():
    act = nn.ReLU()
    model = nn.Sequential(nn.Linear(3, 3), act, nn.Linear(3, 3), act)
    for example in (None, torch.ones(2, 3)):
        assert set(follow(model, example).by_layer) == {"0", "2"}


def test_recurrent_output_ends_where_the_next_layer_begins():
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 2)

        def forward(self, x):
            states, _ = self.rnn(x)
            return self.out(states).log_softmax(-1)

    for example in (None, torch.ones(2, 3, 4)):
        assert {k: a.name for k, a in follow(Tagger(), example).by_layer.items()} == {"out": "log_softmax"}


def test_an_example_that_does_not_fit_is_the_users_error():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        follow(Functional(), torch.ones(2, 7))
