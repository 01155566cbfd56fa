import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject
from unstuck.preflight.floors import ends
from unstuck.preflight.learning import overfits

DRAWN = torch.Generator().manual_seed(0)
X = torch.randn(20, 6, generator=DRAWN)


def least(loss: object, outputs: Tensor, targets: Tensor, inputs: object = X) -> float | None:
    value = float(loss(outputs, targets))  # type: ignore[operator]
    found = ends(loss, inputs, outputs, targets, value, math.nan)
    return None if found is None else found.least


def test_soft_targets_leave_their_entropy() -> None:
    outputs, targets = torch.randn(20, 4, generator=DRAWN), torch.rand(20, 4, generator=DRAWN).softmax(1)
    entropy = float(-(targets * targets.log()).sum(1).mean())
    assert least(nn.CrossEntropyLoss(), outputs, targets) == pytest.approx(entropy, rel=1e-5)
    written = lambda o, t: -(t * o.log_softmax(1)).sum(1).mean()
    assert least(written, outputs, targets) == pytest.approx(entropy, rel=1e-4)
    grey = torch.rand(20, 4, generator=DRAWN)
    binary = float(-(grey * grey.log() + (1 - grey) * (1 - grey).log()).sum(1).mean())
    summed = lambda o, t: functional.binary_cross_entropy_with_logits(o, t, reduction="none").sum(1).mean()
    assert least(summed, outputs, grey) == pytest.approx(binary, rel=1e-4)


def test_smoothed_ids_and_sums_leave_theirs_and_hard_ones_nothing() -> None:
    outputs, ids = torch.randn(20, 4, generator=DRAWN), torch.randint(4, (20,), generator=DRAWN)
    assert least(nn.CrossEntropyLoss(), outputs, ids) == 0.0
    smooth = least(nn.CrossEntropyLoss(label_smoothing=0.1), outputs, ids)
    p = torch.tensor([0.925, 0.025, 0.025, 0.025], dtype=torch.float64)
    assert smooth == pytest.approx(float(torch.special.entr(p).sum()), rel=1e-5)
    summed = least(nn.CrossEntropyLoss(label_smoothing=0.1, reduction="sum"), outputs, ids)
    assert summed == pytest.approx(20 * float(torch.special.entr(p).sum()), rel=1e-5)
    assert least(nn.MSELoss(), outputs, outputs + 1.0) == 0.0


def test_what_is_not_known_has_no_floor() -> None:
    assert least(lambda o, t: o.square().mean() + 1.0, X, X) is None


def test_ids_that_differ_for_the_same_input_leave_their_entropy() -> None:
    twice = torch.cat([X[:10], X[:10]])
    ids = torch.tensor([0] * 10 + [1] * 10)
    model = nn.Linear(6, 2)
    with torch.no_grad():
        assert least(nn.CrossEntropyLoss(), model(twice), ids, twice) == pytest.approx(math.log(2))
        tokens, words = torch.tensor([[3, 3, 5], [3, 5, 5]]), torch.tensor([[0, 1, 1], [0, 1, 1]])
        table = nn.Embedding(9, 2)
        loss = lambda o, t: functional.cross_entropy(o.reshape(-1, 2), t.reshape(-1))
        mixed = 0.5 * -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
        assert least(loss, table(tokens), words, tokens) == pytest.approx(mixed)


def test_a_model_that_sees_more_than_the_token_has_no_such_floor() -> None:
    tokens, words = torch.tensor([[3, 3, 5], [3, 5, 5]]), torch.tensor([[0, 1, 1], [0, 1, 1]])
    torch.manual_seed(0)
    outputs = nn.GRU(4, 2, batch_first=True)(nn.Embedding(9, 4)(tokens))[0].detach()
    loss = lambda o, t: functional.cross_entropy(o.reshape(-1, 2), t.reshape(-1))
    assert least(loss, outputs, words, tokens) == 0.0


def test_a_model_that_gives_everything_the_same_has_no_such_floor() -> None:
    ids = torch.arange(20) % 2
    assert least(nn.CrossEntropyLoss(), torch.zeros(20, 2), ids, X) == 0.0


class Blind(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        return self.bias + 0.0 * x


def test_where_the_floor_is_not_known_falling_is_what_is_said() -> None:
    cost = lambda o, t: (o - t).abs().pow(1.5).mean() + 3.0
    data = torch.randn(60, 6), torch.randn(60, 6)
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 6))
    fell = overfits(Subject.of(model, cost, data))
    assert fell.status == "passed", fell.reason
    assert "stopped falling" in fell.reason
    assert "not known" in fell.reason
    stuck = overfits(Subject.of(Blind(), cost, data))
    assert stuck.status != "passed", stuck.reason


def test_soft_targets_that_are_not_reached_are_a_cross() -> None:
    data = torch.randn(60, 6), torch.rand(60, 6)
    loss = lambda o, t: functional.binary_cross_entropy_with_logits(o, t)
    assert (
        overfits(Subject.of(nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 6)), loss, data)).status
        == "passed"
    )
    assert overfits(Subject.of(Blind(), loss, data)).status != "passed"
