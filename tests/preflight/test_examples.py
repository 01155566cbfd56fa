from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject
from unstuck.preflight.examples import no_mixing, outputs_fit

Make = Callable[..., Subject]


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.reshape(x.shape[1], -1).t().contiguous().view(len(x), -1))


class OverBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding(x).mean(dim=1).softmax(dim=0)


def test_sound_models_keep_examples_apart(subject: Make) -> None:
    assert no_mixing(subject()).status == "passed"
    norm = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    assert no_mixing(subject(norm)).status == "passed"


def test_mixing_is_found_by_gradient_and_for_integers_by_replacing(subject: Make) -> None:
    check = no_mixing(subject(Mixed()))
    assert (check.status, check.cause) == ("failed", "batch-mixing")
    tokens = torch.randint(5, (6, 4)), torch.tensor([0, 1, 2, 0, 1, 2])
    assert no_mixing(subject(OverBatch(), data=tokens)).status == "failed"
    apart = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(12, 3))
    assert no_mixing(subject(apart, data=tokens)).status == "passed"


def test_labels_that_a_model_takes_too_may_be_integers() -> None:
    class Returning(nn.Linear):
        def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            scores = super().forward(x)
            return scores, nn.functional.cross_entropy(scores, labels)

    data = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    assert no_mixing(Subject.of(Returning(4, 3), None, data)).status == "passed"


X = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
IDS = torch.arange(32) % 3


@pytest.mark.parametrize(
    ("model", "loss", "targets", "cause"),
    [
        (nn.Sequential(nn.Linear(8, 3), nn.Softmax(1)), functional.cross_entropy, IDS, "output-activation-wrong"),
        (nn.Linear(8, 1), functional.cross_entropy, IDS * 0, "loss-wrong"),
        (nn.Linear(8, 3), functional.cross_entropy, IDS + 1, "labels-out-of-range"),
        (nn.Linear(8, 1), functional.mse_loss, X[:, 0], "loss-broadcast"),
        (nn.Sequential(nn.Linear(8, 8), nn.ReLU()), functional.mse_loss, X, "output-activation-wrong"),
        (nn.Sequential(nn.Linear(8, 1), nn.Sigmoid()), functional.mse_loss, X[:, :1] * 3, "output-activation-wrong"),
        (
            nn.Sequential(nn.Linear(8, 1), nn.Sigmoid()),
            functional.binary_cross_entropy_with_logits,
            (X[:, :1] > 0).float(),
            "output-activation-wrong",
        ),
        (nn.Linear(8, 1), nn.BCEWithLogitsLoss(), X[:, :1].sign(), "labels-out-of-range"),
    ],
)
def test_outputs_that_do_not_fit_are_told_by_cause(
    model: nn.Module, loss: Callable[..., Tensor], targets: Tensor, cause: str, subject: Make
) -> None:
    check = outputs_fit(subject(model, loss, (X, targets)))
    assert (check.status, check.cause) == ("failed", cause), check.reason
    assert check.advice


@pytest.mark.parametrize(
    ("model", "loss", "targets"),
    [
        (nn.Linear(8, 3), functional.cross_entropy, IDS),
        (nn.Linear(8, 3), nn.CrossEntropyLoss(ignore_index=7), torch.where(IDS == 2, 7, IDS)),
        (nn.Linear(8, 1), functional.mse_loss, X[:, :1]),
        (nn.Sequential(nn.Linear(8, 1), nn.Sigmoid()), functional.mse_loss, (X[:, :1] > 0).float()),
        (nn.Linear(8, 1), nn.BCEWithLogitsLoss(), (X[:, :1] > 0).float()),
    ],
)
def test_outputs_that_fit_pass(model: nn.Module, loss: Callable[..., Tensor], targets: Tensor, subject: Make) -> None:
    assert outputs_fit(subject(model, loss, (X, targets))).status == "passed"
