"""No false alarm: every activation, loss and layer of torch.nn that can be differentiated, at points rich in kinks."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from unstuck.gradcheck import GradientCheck, check_gradients
from unstuck.gradcheck.judge import State

# At kinks and between them: 0 is one of most, 0.5, 1, 3 and 6 of others, and 2e-6 lies within any step of one.
POINTS = torch.tensor([-3.0, -1.0, -0.5, -2e-6, 0.0, 3e-7, 2e-6, 0.3, 0.5, 1.0, 1.7, 3.0, 6.0, -4.2, 5.1])

ACTIVATIONS = (
    *("ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardtanh"),
    *("Hardsigmoid", "Hardswish", "Hardshrink", "Softshrink", "Tanhshrink", "Sigmoid", "LogSigmoid", "Tanh"),
    *("Softplus", "Softsign"),
)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_pass_at_their_kinks_and_beside_them(name: str) -> None:
    check = check_gradients(getattr(nn, name)(), POINTS, coordinates="all")
    assert check.ok, str(check)


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "Hardtanh", "Softshrink", "ReLU6"])
def test_kinks_are_counted(name: str) -> None:
    check = check_gradients(getattr(nn, name)(), POINTS, coordinates="all")
    assert check.verdict == "right"
    assert 1 <= check.kinks <= 5, str(check)


@pytest.mark.parametrize(
    "module", [nn.GELU(), nn.Tanh(), nn.Softplus(), nn.Softmax(0), nn.Softmin(0), nn.LogSoftmax(0)]
)
def test_smooth_functions_have_no_kinks(module: nn.Module) -> None:
    check = check_gradients(module, POINTS, coordinates="all")
    assert check.verdict == "right"
    assert check.kinks == 0
    assert check.max_relative_error < 1e-6


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def signs(*shape: int) -> Tensor:
    return torch.where(drawn(*shape, seed=3) > 0, 1.0, -1.0)


CLASSES = torch.tensor([0, 2, 1, 3])
PROBABILITIES = torch.softmax(drawn(4, 5, seed=5), dim=1)
LOSSES = {
    "CrossEntropy": (nn.CrossEntropyLoss(), drawn(4, 5), CLASSES),
    "CrossEntropyWeighted": (
        nn.CrossEntropyLoss(weight=torch.rand(5) + 0.5, label_smoothing=0.1),
        drawn(4, 5),
        CLASSES,
    ),
    "CrossEntropyIgnoring": (nn.CrossEntropyLoss(ignore_index=2), drawn(4, 5), CLASSES),
    "NLL": (nn.NLLLoss(), drawn(4, 5), CLASSES),
    "L1": (nn.L1Loss(), torch.tensor([0.0, 1.0, 2.0, -1.0]), torch.tensor([0.0, 1.0 + 1e-6, 1.0, 3.0])),
    "MSE": (nn.MSELoss(), drawn(4, 5), drawn(4, 5, seed=1)),
    "MSEAtZero": (nn.MSELoss(), torch.zeros(4, 2), torch.zeros(4, 2)),
    "SmoothL1": (nn.SmoothL1Loss(), torch.tensor([0.0, 1.0, 2.0, -1.0]), torch.zeros(4)),
    "Huber": (nn.HuberLoss(delta=0.5), torch.tensor([0.5, 1.0, -0.5, -1.0]), torch.zeros(4)),
    "BCE": (nn.BCELoss(), torch.sigmoid(drawn(4, 5)), torch.sigmoid(drawn(4, 5, seed=1)).round()),
    "BCEWithLogits": (nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.0)), drawn(4, 5), drawn(4, 5).sign().clamp(min=0)),
    "KLDiv": (nn.KLDivLoss(reduction="batchmean"), torch.log_softmax(drawn(4, 5), 1), PROBABILITIES),
    "PoissonNLL": (nn.PoissonNLLLoss(), drawn(4, 5), drawn(4, 5).abs().round()),
    "SoftMargin": (nn.SoftMarginLoss(), drawn(4, 5), signs(4, 5)),
    "HingeEmbedding": (
        nn.HingeEmbeddingLoss(),
        torch.tensor([1.0, 0.0, 0.4, 1.0 + 1e-7]),
        torch.tensor([-1.0, 1, -1, -1]),
    ),
    "MultiMargin": (nn.MultiMarginLoss(), drawn(4, 5).round(), CLASSES),
    "MultiMarginSquared": (nn.MultiMarginLoss(p=2), drawn(4, 5).round(), CLASSES),
    "MultiLabelMargin": (nn.MultiLabelMarginLoss(), drawn(2, 4).round(), torch.tensor([[3, 0, -1, 1], [1, -1, 0, 2]])),
    "MultiLabelSoftMargin": (nn.MultiLabelSoftMarginLoss(), drawn(4, 5), drawn(4, 5).sign().clamp(min=0)),
    "WestonWatkins": (
        lambda scores, y: ((scores - scores.gather(1, y[:, None]) + 1).clamp(min=0).sum(1) - 1).mean(),
        torch.zeros(4, 5),
        CLASSES,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_pass(name: str) -> None:
    loss, outputs, targets = LOSSES[name]
    kept = targets.double() if targets.is_floating_point() else targets
    check = check_gradients(lambda x: loss(x, kept), outputs, coordinates="all")
    assert check.ok, str(check)


TRIPLES = {
    "MarginRanking": (nn.MarginRankingLoss(margin=0.5), (drawn(4), drawn(4, seed=1), signs(4))),
    "CosineEmbedding": (nn.CosineEmbeddingLoss(margin=0.2), (drawn(4, 5), drawn(4, 5, seed=1), signs(4))),
    "TripletMargin": (nn.TripletMarginLoss(), (drawn(4, 5), drawn(4, 5, seed=1), drawn(4, 5, seed=2))),
    "GaussianNLL": (nn.GaussianNLLLoss(), (drawn(4, 5), drawn(4, 5, seed=1), drawn(4, 5, seed=2).exp())),
    "CosineSimilarity": (nn.CosineSimilarity(), (drawn(4, 5), drawn(4, 5, seed=1))),
    "PairwiseDistance": (nn.PairwiseDistance(), (drawn(4, 5), drawn(4, 5, seed=1))),
    "Bilinear": (nn.Bilinear(5, 3, 2), (drawn(4, 5), drawn(4, 3, seed=1))),
    "maximum": (torch.maximum, (POINTS, POINTS.flip(0))),
    "minimum with some ties": (torch.minimum, (POINTS, POINTS.round())),
    "where": (lambda a, b: torch.where(a > b, a * b, a + b), (drawn(9), drawn(9, seed=1))),
}


@pytest.mark.parametrize("name", TRIPLES)
def test_functions_of_several_tensors_pass(name: str) -> None:
    function, inputs = TRIPLES[name]
    check = check_gradients(function, inputs, coordinates="all")
    assert check.ok, str(check)


IMAGE = drawn(3, 2, 6, 6)
LAYERS = {
    "Linear": (nn.Linear(5, 4), drawn(3, 5)),
    "Conv1d": (nn.Conv1d(2, 3, 3, padding=1, groups=1), drawn(3, 2, 6)),
    "Conv2d": (nn.Conv2d(2, 4, 3, stride=2, groups=2), IMAGE),
    "Conv3d": (nn.Conv3d(1, 2, 2), drawn(2, 1, 3, 3, 3)),
    "ConvTranspose2d": (nn.ConvTranspose2d(2, 3, 3), IMAGE),
    "MaxPool1d": (nn.MaxPool1d(2), POINTS[:14].reshape(1, 2, 7)),
    "MaxPool2d": (nn.MaxPool2d(2), IMAGE.round()),
    "MaxPool3d": (nn.MaxPool3d(2), drawn(1, 1, 4, 4, 4).round()),
    "FractionalMaxPool2d": (nn.FractionalMaxPool2d(2, output_size=3), IMAGE),
    "AdaptiveMaxPool2d": (nn.AdaptiveMaxPool2d(2), IMAGE.round()),
    "AvgPool2d": (nn.AvgPool2d(2), IMAGE),
    "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d(2), IMAGE),
    "LPPool2d": (nn.LPPool2d(2, 2), IMAGE),
    "BatchNorm1d": (nn.BatchNorm1d(5), drawn(4, 5)),
    "BatchNorm2d": (nn.BatchNorm2d(2), IMAGE),
    "BatchNorm2d, evaluating": (nn.BatchNorm2d(2).eval(), IMAGE),
    "InstanceNorm2d": (nn.InstanceNorm2d(2, affine=True, track_running_stats=True), IMAGE),
    "LayerNorm": (nn.LayerNorm(5), drawn(4, 5)),
    "GroupNorm": (nn.GroupNorm(1, 2), IMAGE),
    "RMSNorm": (nn.RMSNorm(5), drawn(4, 5)),
    "LocalResponseNorm": (nn.LocalResponseNorm(2), IMAGE),
    "Dropout": (nn.Dropout(0.5), drawn(4, 5)),
    "Dropout2d": (nn.Dropout2d(0.5), IMAGE),
    "AlphaDropout": (nn.AlphaDropout(0.5), drawn(4, 5)),
    "RNN": (nn.RNN(3, 4), drawn(5, 2, 3)),
    "RNN, ReLU": (nn.RNN(3, 4, nonlinearity="relu"), drawn(5, 2, 3)),
    "LSTM": (nn.LSTM(3, 4, num_layers=2, dropout=0.3, bidirectional=True), drawn(5, 2, 3)),
    "GRU": (nn.GRU(3, 4, batch_first=True), drawn(5, 2, 3)),
    "LSTMCell": (nn.LSTMCell(3, 4), drawn(2, 3)),
    "GLU": (nn.GLU(), drawn(3, 4)),
    "Embedding": (nn.Embedding(6, 3, padding_idx=0), torch.tensor([[0, 2], [5, 2]])),
    "EmbeddingBag": (nn.EmbeddingBag(6, 3, mode="max"), torch.tensor([[0, 2], [5, 2]])),
    "Sparse embedding": (nn.Embedding(6, 3, sparse=True), torch.tensor([[0, 2], [5, 2]])),
    "Encoder layer": (nn.TransformerEncoderLayer(4, 2, dim_feedforward=8), drawn(3, 2, 4)),
    "Encoder layer, evaluating": (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval(), drawn(3, 2, 4)),
    "Upsample": (nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "PixelShuffle": (nn.PixelShuffle(2), drawn(1, 4, 3, 3)),
    "Unfold": (nn.Unfold(2), IMAGE),
    "Spectral norm": (nn.utils.parametrizations.spectral_norm(nn.Linear(5, 4)), drawn(3, 5)),
    "Spectral norm by a hook": (nn.utils.spectral_norm(nn.Linear(64, 8)), drawn(3, 64)),
    "Weight norm": (nn.utils.parametrizations.weight_norm(nn.Linear(5, 4)), drawn(3, 5)),
    "Orthogonal": (nn.utils.parametrizations.orthogonal(nn.Linear(4, 4)), drawn(3, 4)),
    "Adaptive softmax": (nn.AdaptiveLogSoftmaxWithLoss(6, 8, [3]).log_prob, drawn(3, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_pass(name: str) -> None:
    layer, inputs = LAYERS[name]
    check = check_gradients(layer, inputs, coordinates=12)
    assert check.ok, str(check)


def test_ctc_passes_behind_the_log_softmax_that_its_gradient_is_derived_for() -> None:
    targets = torch.tensor([[1, 2, 2], [3, 1, 0]])
    lengths = torch.tensor([6, 5]), torch.tensor([3, 2])

    def loss(logits: Tensor) -> Tensor:
        return functional.ctc_loss(torch.log_softmax(logits, dim=2), targets, *lengths)

    assert check_gradients(loss, drawn(6, 2, 4)).verdict == "right"


def relu_network(width: int) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4)
    )


@pytest.mark.parametrize("examples", [3, 200])
def test_networks_of_many_kinks_pass(examples: int) -> None:
    batch = (drawn(examples, 1, 8, 8), torch.arange(examples) % 4)
    check = check_gradients(relu_network(64), functional.cross_entropy, batch, examples=examples, coordinates=60)
    assert check.verdict == "right", str(check)


def test_maxout_and_hinge_pass() -> None:
    class Maxout(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(5, 12)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x).reshape(len(x), 4, 3).amax(dim=2)

    check = check_gradients(Maxout(), nn.MultiMarginLoss(), (drawn(40, 5), torch.arange(40) % 4), examples=40)
    assert check.verdict == "right", str(check)


def test_where_all_lies_at_kinks_nothing_is_checked() -> None:
    check: GradientCheck = check_gradients(torch.relu, torch.zeros(3))
    assert (check.verdict, check.ok, check.kinks) == ("nothing checked", False, 3)
    assert check.advice
    beside: GradientCheck = check_gradients(lambda a, b: torch.relu(a) + b.sin(), (torch.zeros(3), drawn(3)))
    assert (beside.verdict, beside.ok) == ("kink", True)
    assert "coordinate of input[0] lies" in beside.reason


@pytest.mark.parametrize(
    ("function", "x", "verdict", "kinks"),
    [
        (torch.abs, [0.0, 0.0], "nothing checked", 2),
        (torch.abs, [0.0, 1.0, -2.0], "right", 1),
        (lambda x: x.abs() + x**2, [0.0, 1.0], "right", 1),
        (lambda x: torch.minimum(x, x.detach().clone() * 0 + 1.0), [1.0, 1.0], "nothing checked", 2),
        (lambda x: x**2, [0.0, 0.0], "right", 0),
        (lambda x: 1 - x.cos(), [0.0, 1.0], "right", 0),
        (lambda x: 1e4 * x**2 + x, [0.0, 1e-6], "right", 0),
    ],
)
def test_a_gradient_that_is_the_mean_of_two_slopes_lies_at_a_kink(
    function: Callable[[Tensor], Tensor], x: list[float], verdict: str, kinks: int
) -> None:
    check = check_gradients(function, torch.tensor(x))
    assert (check.verdict, check.kinks) == (verdict, kinks), str(check)


def test_an_l1_penalty_at_zero_is_set_aside_and_no_fault() -> None:
    layer = nn.Linear(4, 3)
    nn.init.zeros_(layer.bias)
    check = check_gradients(
        layer,
        functional.mse_loss,
        (drawn(3, 4), drawn(3, 3)),
        regularisation=lambda m: sum(p.abs().sum() for p in m.parameters()),
    )
    assert check.verdict == "right", str(check)
    assert any("regularisation: kink" in note for note in check.notes)


def test_a_coordinate_at_the_end_of_the_domain_is_set_aside() -> None:
    def strict(x: Tensor) -> Tensor:
        if bool((x < 0).any()):
            raise ValueError("no negative numbers")
        return x**1.5 + x

    check = check_gradients(strict, torch.tensor([0.0, 1e-7, 0.5, 2.0]))
    assert check.verdict == "right", str(check)
    assert check.outside == 1
    assert any("no negative numbers" in note for note in check.notes)
    quiet = check_gradients(lambda x: (x * x.log()).sum() + x.sqrt(), torch.tensor([1e-6, 0.3, 2.0]))
    assert quiet.verdict == "right", str(quiet)
    assert quiet.outside == 0


def test_where_all_lies_at_the_end_of_the_domain_nothing_is_checked() -> None:
    check = check_gradients(lambda x: x**1.5 + x, torch.zeros(3))
    assert (check.verdict, check.outside) == ("nothing checked", 3)


def test_a_wrong_gradient_beside_the_end_of_the_domain_is_wrong() -> None:
    def half(x: Tensor) -> Tensor:
        return x.sqrt() / 2 + x.detach().sqrt() / 2

    check = check_gradients(half, torch.tensor([1e-7, 0.5, 2.0]))
    assert (check.verdict, len(check.tensors[0].wrong)) == ("wrong", 3), str(check)


def scaled(factor: float) -> GradientCheck:
    return check_gradients(lambda x: factor * x.sin() + (1 - factor) * x.sin().detach(), drawn(6))


@pytest.mark.parametrize(
    ("error", "verdict", "remark"), [(5e-6, "right", False), (5e-5, "right", True), (5e-4, "wrong", True)]
)
def test_an_error_that_float64_does_not_leave_is_a_remark(error: float, verdict: str, remark: bool) -> None:
    check = scaled(1 + error)
    assert check.verdict == verdict
    if verdict == "right":
        assert any("float64 leaves less" in note for note in check.notes) == remark
        assert bool(check.tensors[0].remarkable) == remark


class Slight(Function):
    """A backward pass that is off by 2e-5 of its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.tanh()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return (1 + 2e-5) * gradient * (1 - ctx.saved_tensors[0].tanh() ** 2)


@pytest.mark.parametrize("depth", [12, 30])
def test_a_slight_error_is_remarked_within_a_deep_model(depth: int) -> None:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(depth))

        def forward(self, x: Tensor) -> Tensor:
            for i, layer in enumerate(self.layers):
                x = Slight.apply(layer(x)) if i == depth // 2 else torch.tanh(layer(x))
            return x

    check = check_gradients(Deep(), functional.mse_loss, (drawn(3, 8), drawn(3, 8, seed=1)))
    assert check.verdict == "right", str(check)
    assert any("Slight.backward" in note and "by itself: relative error 2.0e-05" in note for note in check.notes)


def test_the_error_of_a_step_over_a_curve_is_no_remark() -> None:
    check = check_gradients(lambda x: torch.sin(300.0 * x), torch.linspace(-1, 1, 40), coordinates="all")
    assert check.verdict == "right", str(check)
    assert not check.tensors[0].remarkable, str(check)


def test_small_gradients_are_lifted_out_of_the_rounding() -> None:
    check = check_gradients(lambda x: 1.0 + 1e-9 * torch.sin(x), torch.linspace(-1, 1, 9))
    assert check.verdict == "right", str(check)


@pytest.mark.parametrize("factor", [1e-200, 1e-150, 1e150, 1e250])
def test_the_loss_is_rescaled_where_gradients_leave_the_range(factor: float) -> None:
    check = check_gradients(lambda x: factor * torch.sin(x), torch.linspace(-1, 1, 9))
    assert check.verdict == "right", str(check)
    assert any("multiplied by 2^" in note for note in check.notes)


def test_a_gradient_below_all_resolution_is_a_matter_of_precision() -> None:
    model = nn.Sequential(*[part for _ in range(30) for part in (nn.Linear(4, 4), nn.Sigmoid())])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.1)
    check = check_gradients(model, functional.mse_loss, (drawn(3, 4), torch.full((3, 4), 0.4)))
    assert check.verdict == "precision"
    assert "too small for float64" in check.reason
    assert math.isfinite(check.max_relative_error)


def test_states_rank_by_how_bad_they_are() -> None:
    assert max(State) is State.WRONG


def test_a_curve_over_a_small_slope_is_no_kink() -> None:
    check = check_gradients(lambda t: t * (t.log() - 0.9712), torch.tensor([0.9712], dtype=torch.float64))
    assert (check.verdict, check.kinks) == ("right", 0), str(check)
