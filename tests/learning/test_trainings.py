"""Small trainings, healthy and sick, and what is said of each: nothing healthy is "none", nothing unlearnt "good"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.learning import Learning
from unstuck.observe import Observer
from unstuck.record import Run, RunWriter

Step = Callable[[int], Tensor]
Training = Callable[[], "tuple[nn.Module, torch.optim.Optimizer, Step, int]"]

STEPS = 240


def learnt(folder: Path, training: Training) -> Learning:
    """Watch a training, and read what was recorded."""
    torch.manual_seed(0)
    model, optimizer, step, steps = training()
    with RunWriter(folder) as writer, Observer(model, optimizer, writer, budget=0.5):
        for number in range(steps):
            optimizer.zero_grad()
            step(number).backward()
            optimizer.step()
    with Run.open(folder) as run:
        return Learning.of(run.snapshot().streams()[0])


def adam(model: nn.Module, rate: float = 1e-2) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=rate)


def network(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, outputs))


def classes(x: Tensor) -> Tensor:
    return (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()


def classification(*, rate: float = 1e-2, smoothing: float = 0.0, random: bool = False):
    model = network(8, 4)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        y = torch.randint(4, (64,)) if random else classes(x)
        return functional.cross_entropy(model(x), y, label_smoothing=smoothing)

    return model, adam(model, rate), step, STEPS


def regression():
    model = network(8, 1)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        return functional.mse_loss(model(x), x[:, :1] + x[:, 1:2])

    return model, adam(model), step, STEPS


def several_outputs(*, related: bool = True):
    """Outputs of very different means: the mean of each is the guess, not one mean over all."""
    model, means = network(8, 3), torch.tensor([0.0, 5.0, -5.0])
    with torch.no_grad():
        model[-1].bias.copy_(means)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        return functional.mse_loss(model(x), means + (x[:, :3] if related else torch.randn(64, 3)))

    return model, adam(model, 1e-2), step, STEPS


def grey_autoencoder():
    """Binary cross-entropy of grey pixels cannot fall to zero."""
    model, basis = network(64, 64), torch.rand(4, 64)

    def step(number: int) -> Tensor:
        images = torch.sigmoid(3.0 * (torch.randn(64, 4) @ (basis - 0.5)))
        return functional.binary_cross_entropy_with_logits(model(images), images)

    return model, adam(model), step, 2 * STEPS


def language_model():
    """The next letter follows from the last for half of the letters."""
    table = nn.Sequential(nn.Embedding(8, 32), nn.Linear(32, 8))

    def step(number: int) -> Tensor:
        text = torch.randint(8, (16, 20))
        following = torch.where(torch.rand(16, 20) < 0.5, (text + 1) % 8, torch.randint(8, (16, 20)))
        return functional.cross_entropy(table(text).reshape(-1, 8), following.reshape(-1))

    return table, adam(table, 1e-2), step, STEPS


def distillation(*, temperature: float = 2.0):
    teacher, model = network(8, 5), network(8, 5)
    teacher.requires_grad_(False)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        soft = functional.softmax(6.0 * teacher(x) / temperature, dim=1)
        found = functional.log_softmax(model(x) / temperature, dim=1)
        return functional.kl_div(found, soft, reduction="batchmean") * temperature**2

    return model, adam(model, 1e-2), step, 2 * STEPS


def soft_targets():
    teacher, model = network(8, 5), network(8, 5)
    teacher.requires_grad_(False)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        return functional.cross_entropy(model(x), functional.softmax(6.0 * teacher(x), dim=1))

    return model, adam(model, 1e-2), step, 2 * STEPS


class Variational(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = network(32, 8), network(4, 32)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return self.decoder(mean + torch.randn_like(mean) * (0.5 * log_variance).exp()), mean, log_variance


def variational():
    model, basis = Variational(), torch.randn(4, 32)

    def step(number: int) -> Tensor:
        x = torch.sigmoid(2.0 * torch.randn(64, 4) @ basis)
        output, mean, log_variance = model(x)
        reconstruction = functional.binary_cross_entropy_with_logits(output, x, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return reconstruction + divergence

    return model, adam(model, 5e-3), step, 2 * STEPS


def penalised():
    model = network(8, 1)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        loss = functional.mse_loss(model(x), x[:, :1])
        return loss + 1e-2 * sum((p.square().sum() for p in model.parameters()), torch.zeros(()))

    return model, adam(model), step, STEPS


def two_heads():
    model = network(8, 5)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        output = model(x)
        return functional.cross_entropy(output[:, :4], classes(x)) + functional.mse_loss(output[:, 4], x[:, 2])

    return model, adam(model, 1e-2), step, STEPS


def weighted_classes():
    model, weight = network(8, 2), torch.tensor([1.0, 9.0])

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        return functional.cross_entropy(model(x), (x[:, 0] > 1.28).long(), weight=weight)

    return model, adam(model, 1e-2), step, STEPS


def constant_prediction():
    """The output layer is fed nothing but its bias."""
    model = network(8, 4)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        return functional.cross_entropy(model(0.0 * x), classes(x))

    return model, adam(model), step, STEPS


def relapsed():
    model = network(8, 4)
    optimizer = adam(model)

    def step(number: int) -> Tensor:
        if number == 180:
            with torch.no_grad():
                model[0].weight.zero_()
                model[2].weight.zero_()
        optimizer.param_groups[0]["lr"] = 1e-2 if number < 180 else 0.0
        x = torch.randn(64, 8)
        return functional.cross_entropy(model(x), classes(x))

    return model, optimizer, step, STEPS


def broken():
    model = network(8, 4)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8) * (float("nan") if number >= 180 else 1.0)
        return functional.cross_entropy(model(x), classes(x))

    return model, adam(model, 1e-2), step, STEPS


def unrelated_images():
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))

    def step(number: int) -> Tensor:
        x = torch.randn(32, 1, 8, 8)
        return functional.mse_loss(model(x), torch.randn_like(x))

    return model, adam(model), step, STEPS


def large_start():
    """A loss that falls by a factor of a hundred, to what a guess has."""
    model = network(8, 1)

    def step(number: int) -> Tensor:
        return functional.mse_loss(model(torch.randn(64, 8)), 10.0 + torch.randn(64, 1))

    return model, adam(model, 1e-2), step, 2 * STEPS


def own_objective():
    model = network(8, 4)

    def step(number: int) -> Tensor:
        x = torch.randn(64, 8)
        return -(model(x).tanh().square().mean() - 0.1 * model(x).square().mean())

    return model, adam(model), step, STEPS


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (classification, "good"),
        (lambda: classification(smoothing=0.1), "good"),
        (regression, "good"),
        (several_outputs, "good"),
        (grey_autoencoder, "good"),
        (language_model, "partial"),
        (distillation, "good"),
        (soft_targets, "good"),
        (variational, "partial"),
        (penalised, "good"),
        (two_heads, "good"),
        (weighted_classes, "good"),
        (lambda: classification(random=True), "none"),
        (lambda: classification(rate=0.0), "none"),
        (lambda: several_outputs(related=False), "none"),
        (constant_prediction, "none"),
        (relapsed, "none"),
        (broken, "none"),
        (unrelated_images, "none"),
        (large_start, "none"),
        (own_objective, "unknown"),
    ],
)
def test_how_a_training_ended(training: Training, expected: str, tmp_path: Path) -> None:
    found = learnt(tmp_path, training)
    assert found.outcome == expected, found.evidence


@pytest.mark.parametrize(("training", "step"), [(relapsed, 180), (broken, 180)])
def test_when_what_was_learnt_was_lost(training: Training, step: int, tmp_path: Path) -> None:
    found = learnt(tmp_path, training).relapse
    assert found is not None
    assert abs(found.step - step) <= 2
    assert found.best < 0.3
