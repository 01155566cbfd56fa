"""Losses that users write out, in the spellings of courses and papers."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from unstuck.observe import Observer
from unstuck.observe.collectors.handwritten_losses import HandWritten, LossCall
from unstuck.record import Run, RunWriter, facts, signals

N, C = 16, 5


class Seen(TorchFunctionMode):
    """What is recognised among the calls made under it."""

    def __init__(self, rows: int | None = N) -> None:
        super().__init__()
        self.handwritten, self.rows = HandWritten(), rows
        self.calls: list[LossCall] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor):
            with torch._C.DisableTorchFunction():
                call = self.handwritten.see(func, args, output, rows=self.rows)
            self.calls += [call] if call else []
        return output

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        left = self.handwritten.forget()
        self.calls += [left] if left else []


@pytest.fixture
def x() -> Tensor:
    return torch.randn(N, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def y() -> Tensor:
    return torch.randint(C, (N,), generator=torch.Generator().manual_seed(1))


REGRESSIONS: dict[str, tuple[str, str, Callable[[Tensor, Tensor], Tensor]]] = {
    "mean of squares": ("mse_loss", "mean", lambda o, t: ((o - t) ** 2).mean()),
    "the other way round": ("mse_loss", "mean", lambda o, t: (t - o).pow(2).mean()),
    "torch.mean": ("mse_loss", "mean", lambda o, t: torch.mean(torch.square(torch.sub(o, t)))),
    "a product": ("mse_loss", "mean", lambda o, t: ((o - t) * (o - t)).mean()),
    "half": ("mse_loss", "mean", lambda o, t: 0.5 * ((o - t) ** 2).mean()),
    "half inside": ("mse_loss", "mean", lambda o, t: ((o - t) ** 2 / 2).mean()),
    "sum divided": ("mse_loss", "mean", lambda o, t: ((o - t) ** 2).sum() / o.numel()),
    "sum of each example": ("mse_loss", "sum", lambda o, t: ((o - t) ** 2).sum(dim=1).mean()),
    "sum divided by examples": ("mse_loss", "sum", lambda o, t: ((o - t) ** 2).sum() / len(o)),
    "root": ("mse_loss", "mean", lambda o, t: torch.sqrt(((o - t) ** 2).mean())),
    "sum": ("mse_loss", "sum", lambda o, t: ((o - t) ** 2).sum()),
    "half the sum": ("mse_loss", "sum", lambda o, t: 0.5 * ((o - t) ** 2).sum()),
    "absolute": ("l1_loss", "mean", lambda o, t: (o - t).abs().mean()),
    "absolute by torch": ("l1_loss", "mean", lambda o, t: torch.mean(torch.abs(o - t))),
}


@pytest.mark.parametrize("spelling", REGRESSIONS)
def test_regressions(spelling, x):
    function, reduction, write = REGRESSIONS[spelling]
    model, target = nn.Linear(3, 2), torch.randn(N, 2)
    with Seen() as seen:
        output = model(x)
        write(output, target)
    (call,) = seen.calls
    assert (call.function, call.reduction) == (function, reduction)
    assert call.output is output
    assert call.target is target
    assert float(call.value) == pytest.approx(getattr(F, function)(output.detach(), target, reduction=reduction).item())
    assert call.site.file is not None


CLASSIFICATIONS: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "log-softmax, chosen": ("nll_loss", lambda o, y: -F.log_softmax(o, dim=1)[torch.arange(N), y].mean()),
    "range": ("nll_loss", lambda o, y: -torch.log_softmax(o, 1)[range(N), y].sum() / N),
    "gathered": ("nll_loss", lambda o, y: -o.log_softmax(-1).gather(1, y.unsqueeze(1)).squeeze(1).mean()),
    "log-sum-exp": ("cross_entropy", lambda o, y: (o.logsumexp(1) - o[torch.arange(N), y]).mean()),
    "counts": ("nll_loss", lambda o, y: -(o.exp() / o.exp().sum(1, keepdim=True))[torch.arange(N), y].log().mean()),
    "log of softmax": ("nll_loss", lambda o, y: -torch.log(torch.softmax(o, 1) + 1e-9)[torch.arange(N), y].mean()),
    "one-hot": ("nll_loss", lambda o, y: -(F.one_hot(y, C).float() * F.log_softmax(o, 1)).sum(1).mean()),
}


@pytest.mark.parametrize("spelling", CLASSIFICATIONS)
def test_classifications(spelling, x, y):
    function, write = CLASSIFICATIONS[spelling]
    torch.manual_seed(0)
    model = nn.Linear(3, C)
    with Seen() as seen:
        output = model(x)
        write(output, y)
    (call,) = seen.calls
    assert call.function == function
    assert call.reduction == "mean"
    assert torch.equal(call.target, y)
    assert torch.equal(call.output.argmax(dim=1), output.argmax(dim=1))
    assert float(call.value) == pytest.approx(float(F.cross_entropy(output, y).detach()), rel=1e-4)


@pytest.mark.parametrize("axis", [2, -1])
def test_words_chosen_from_the_last_axis_are_rows(axis: int) -> None:
    model, words = nn.Linear(3, C), torch.arange(N * 4).remainder(C).reshape(N, 4)
    with Seen() as seen:
        output = model(torch.randn(N, 4, 3))
        -output.log_softmax(2).gather(axis, words.unsqueeze(2)).mean()
    (call,) = seen.calls
    assert (call.function, tuple(call.output.shape)) == ("nll_loss", (N * 4, C))
    assert torch.equal(call.target, words.flatten())
    assert float(call.value) == pytest.approx(float(F.cross_entropy(output.flatten(0, 1), words.flatten()).detach()))


def test_entries_that_are_no_class_of_a_row_are_passed_by() -> None:
    model = nn.Linear(3, C)
    with Seen() as seen:
        output = model(torch.randn(N, 4, 3)).log_softmax(2)
        -output.gather(0, torch.zeros(1, 4, C, dtype=torch.int64)).mean()
        -output.gather(2, torch.zeros(N, 4, 2, dtype=torch.int64)).mean()
    assert seen.calls == []


@pytest.mark.parametrize("guard", [lambda p: p, lambda p: p + 1e-7, lambda p: p.clamp(1e-7, 1 - 1e-7)])
def test_yes_and_no(guard, x):
    model, target = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid(), nn.Flatten(0)), torch.arange(N).remainder(2).float()
    with Seen() as seen:
        output = model(x)
        p = guard(output)
        -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()
    (call,) = seen.calls
    assert call.function == "binary_cross_entropy"
    assert call.output is output
    assert torch.equal(call.target, target)


def test_a_log_likelihood_is_a_loss_once_its_sign_is_turned(x, y):
    model = nn.Linear(3, C)
    with Seen() as seen:
        likelihood = torch.log_softmax(model(x), dim=1)[torch.arange(N), y].mean()
        assert seen.calls == []
        likelihood.neg()
    assert [call.function for call in seen.calls] == ["nll_loss"]


def test_an_evaluation_has_the_same_losses(x):
    model, target = nn.Linear(3, 1), torch.randn(N, 1)
    with torch.no_grad(), Seen() as seen:
        ((model(x) - target) ** 2).mean()
    assert [call.function for call in seen.calls] == ["mse_loss"]


def test_what_is_no_loss_is_left_alone(x):
    model, before = nn.Linear(3, 2), torch.randn(2, 3)
    with Seen() as seen:
        output = model(x)
        ((model.weight - before) ** 2).sum()  # a penalty on the weights
        (output - output.mean(dim=0)).square().mean()  # a variance
        (output[:, 0] * output[:, 1]).mean()
        output.mean()
        output.exp().sum().log()
    assert seen.calls == []


def test_rows_that_are_not_the_batch_s_are_no_examples():
    target, features = torch.randn(7, 3), nn.Linear(3, 3)(torch.randn(7, 3))
    with Seen(rows=N) as seen:
        ((features - target) ** 2).mean()
    assert seen.calls == []


def test_a_policy_gradient_is_no_classification(x):
    model, actions, returns = nn.Linear(3, 2), torch.randint(2, (N,)), torch.randn(N)
    with Seen() as seen:
        chosen = torch.log_softmax(model(x), dim=1)[torch.arange(N), actions]
        -(chosen * returns).mean()
    assert seen.calls == []


def test_a_step_s_tensors_are_let_go(x):
    handwritten = HandWritten()
    handwritten.see(Tensor.__sub__, (x, x + 1), x - (x + 1), rows=N)
    assert handwritten.forget() is None
    assert handwritten.see(Tensor.mean, (x,), torch.tensor(1.0), rows=N) is None


def test_training_and_validation_loss_of_a_watched_loop(tmp_path: Path, x: Tensor) -> None:
    torch.manual_seed(0)
    model, target = nn.Linear(3, 1), x.sum(dim=1, keepdim=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for _ in range(6):
            optimizer.zero_grad()
            ((model(x) - target) ** 2).mean().backward()
            optimizer.step()
            with torch.no_grad():
                ((model(x[:8]) - target[:8]) ** 2).mean()
                (model(x[:8]) - target[:8]).abs().mean()  # a measure of success that is not the loss
    with Run.open(tmp_path) as run:
        loss = run.fact(facts.Loss)
        assert loss is not None
        assert (loss.function, loss.reduction, loss.target.shape) == ("mse_loss", "mean", (N, 1))
        validated = [*run.series(signals.VALIDATION_LOSS).values, *run.series(signals.TRAIN_LOSS).values]
    assert len(validated) == 6
    assert validated[-1] == pytest.approx(((model(x[:8]) - target[:8]) ** 2).mean().item())


@pytest.mark.parametrize(
    ("name", "hinge"),
    [
        ("hinge_loss", lambda score, sign: torch.clamp(1 - sign * score, min=0).mean()),
        ("hinge_loss", lambda score, sign: F.relu(1 - score * sign).mean()),
        ("squared_hinge_loss", lambda score, sign: torch.clamp(1 - sign * score, min=0).pow(2).mean()),
    ],
)
@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_hinges_on_any_two_signs(name: str, hinge: Callable[..., Tensor], low: float, x: Tensor) -> None:
    sign = torch.where(x[:, 0] > 0, 1.0, low)
    with Seen() as seen:
        hinge(nn.Linear(3, 1)(x).squeeze(1), sign)
    assert [call.function for call in seen.calls] == [name]
    assert torch.equal(seen.calls[0].target, sign)


def test_a_masked_score_is_no_hinge(x: Tensor) -> None:
    with Seen() as seen:
        (nn.Linear(3, 1)(x).squeeze(1) * (x[:, 0] > 0).float()).mean()
    assert not seen.calls


@pytest.mark.parametrize("off", [3e-4, 1e-4])
def test_what_nearly_has_the_value_of_a_plain_loss_is_another(off: float, x: Tensor) -> None:
    output = nn.Linear(3, 1)(x)
    target = torch.zeros_like(output)
    with Seen() as seen:
        ((output - target).square().mean() * (1.0 + off)).sum()
        (output - target).square().mul(1.0 + off).mean()
    assert [call.function for call in seen.calls if call.function != "mse_loss"] == []
    assert len(seen.calls) == 1  # the first, whose mean was taken before the factor


class LogProbabilities(torch.autograd.Function):
    """Log-probability of an id at each position, of scores that are computed again in the backward pass."""

    @staticmethod
    def forward(ctx, states, head, ids):
        ctx.save_for_backward(states, head, ids)
        return -F.cross_entropy(states @ head.T, ids, reduction="none")

    @staticmethod
    def backward(ctx, gradient):
        states, head, ids = ctx.saved_tensors
        slope = ((states @ head.T).softmax(1) - F.one_hot(ids, len(head))) * -gradient[:, None]
        return slope @ head, slope.T @ states, None


def test_a_loss_whose_scores_are_computed_in_chunks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"embedding": nn.Embedding(C, 8), "head": nn.Linear(8, C, bias=False)})
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer):
        for _ in range(30):
            ids = torch.randint(C, (N, 4))
            left_out = torch.rand(N, 4) < 0.3
            optimizer.zero_grad()
            states, answers = model["embedding"](ids).flatten(0, 1), ((ids + 1) % C).flatten()
            log_probabilities = LogProbabilities.apply(states, model["head"].weight, answers).view(N, 4)
            loss = -log_probabilities.masked_fill(left_out, 0).sum() / (~left_out).sum()
            loss.backward()
            optimizer.step()
    with Run.open(tmp_path) as run:
        losses = run.facts(facts.Loss)
        called = run.series(signals.LOSS_CALL).finite()
    assert [loss.function for loss in losses[-1:]] == ["cross_entropy"]
    assert losses[-1].output.shape == (N * 4, C)
    assert called.values[-1] < 0.3 * called.values[0]


def test_logarithms_are_no_probabilities_that_lack_one(x: Tensor, y: Tensor) -> None:
    scores = torch.log_softmax(torch.randn(N, C, requires_grad=True), dim=1)
    with Seen() as seen:
        scores.gather(1, y.unsqueeze(1))
        (scores.sum() * 0.0 + 27.631).clone()
    assert not seen.calls
