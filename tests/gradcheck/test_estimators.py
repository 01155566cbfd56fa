"""Straight-through estimators by ``detach`` are seen beside other losses; other detached parts are no estimators."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.gradcheck import check_gradients


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def nearest(z: Tensor, book: Tensor) -> Tensor:
    return book[torch.cdist(z, book).argmin(1)]


def one_hot(z: Tensor, book: Tensor) -> Tensor:
    far = z.square().sum(1, keepdim=True) - 2 * z @ book.t() + book.square().sum(1)
    return torch.zeros(len(z), len(book)).scatter_(1, far.min(1).indices[:, None], 1) @ book


def indexed(z: Tensor, book: Tensor) -> Tensor:
    chosen = torch.zeros(len(z), len(book))
    chosen[torch.arange(len(z)), torch.cdist(z, book).argmin(1)] = 1
    return chosen @ book


def straight(z: Tensor, q: Tensor) -> Tensor:
    return z + (q - z).detach()


class VQVAE(nn.Module):
    """With commitment and codebook losses beside its reconstruction."""

    def __init__(
        self,
        quantised: Callable[[Tensor, Tensor], Tensor] = nearest,
        passed: Callable[[Tensor, Tensor], Tensor] = straight,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder, self.decoder = nn.Linear(6, 4), nn.Linear(4, 6)
        self.book = nn.Parameter(torch.randn(8, 4))
        self.quantised, self.passed = quantised, passed

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.tanh(self.encoder(x))
        q = self.quantised(z, self.book)
        rest = functional.mse_loss(q, z.detach()) + 0.25 * functional.mse_loss(z, q.detach())
        return self.decoder(self.passed(z, q)), rest


def loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    return functional.mse_loss(outputs[0], targets) + outputs[1]


BATCH = drawn(5, 6), drawn(5, 6)
DIFFERENT = ["book", "encoder.weight", "encoder.bias", "input"]


@pytest.mark.parametrize("quantised", [nearest, one_hot, indexed])
def test_a_vq_vae_by_detach_is_recognised_and_exclude_is_offered(quantised: Callable[..., Tensor]) -> None:
    check = check_gradients(VQVAE(quantised), loss, BATCH)
    assert (check.verdict, check.ok) == ("surrogate", False), str(check)
    assert "straight-through" in check.reason
    assert f"exclude={DIFFERENT}" in check.advice
    again = check_gradients(VQVAE(quantised), loss, BATCH, exclude=DIFFERENT)
    assert (again.verdict, {t.name for t in again.tensors}) == ("right", {"decoder.weight", "decoder.bias"})


@pytest.mark.parametrize(
    "passed",
    [
        lambda z, q: q.detach() - z.detach() + z,
        lambda z, q: z - (z - q).detach(),
        lambda z, q: z + (q - z).data,
    ],
)
def test_other_spellings_are_the_same(passed: Callable[[Tensor, Tensor], Tensor]) -> None:
    check = check_gradients(VQVAE(passed=passed), loss, BATCH)
    assert check.verdict == "surrogate", str(check)


@pytest.mark.parametrize(
    "passed",
    [
        lambda z, q: q.detach(),
        lambda z, q: 0.5 * q + 0.5 * q.detach(),
        lambda z, q: 0.5 * z + 0.5 * z.detach() + 0 * q,
        lambda z, q: straight(z, q) + 0.1 * turned(z),
    ],
    ids=["cut", "half of the code", "half of the encoding", "a hook beside"],
)
def test_detached_parts_that_are_no_estimators_and_other_faults_are_wrong(
    passed: Callable[[Tensor, Tensor], Tensor],
) -> None:
    check = check_gradients(VQVAE(passed=passed), loss, BATCH)
    assert check.verdict == "wrong", str(check)


def turned(z: Tensor) -> Tensor:
    y = z.sin()
    if y.requires_grad:
        y.register_hook(lambda g: 0.5 * g)
    return y


def test_a_learnt_step_by_detach_is_recognised_with_its_step() -> None:
    """LSQ: weights and step are both meant so."""

    class Quantised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.weight, self.step = nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.tensor(0.2))

        def forward(self, x: Tensor) -> Tensor:
            scaled = (self.weight / self.step).clamp(-4, 3)
            return x @ (straight(scaled, scaled.round()) * self.step).t()

    check = check_gradients(Quantised(), functional.mse_loss, (drawn(5, 4), drawn(5, 3)), inputs=False)
    assert check.verdict == "surrogate", str(check)
    assert "round()" in check.reason


def test_a_fault_that_feeds_no_step_is_wrong_beside_an_estimator() -> None:
    class Two(VQVAE):
        def __init__(self) -> None:
            super().__init__()
            self.beside = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            out, rest = super().forward(x)
            return out + 0.5 * self.beside(x) + 0.5 * self.beside(x).detach(), rest

    assert check_gradients(Two(), loss, BATCH).verdict == "wrong"


def test_a_routed_gate_that_is_cut_off_is_wrong() -> None:
    """A step alone is no estimator."""

    class Gate(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            gate = super().forward(x).softmax(1)
            return x[:, :3] * gate.gather(1, gate.argmax(1, keepdim=True)).detach()

    assert check_gradients(Gate(4, 3), functional.mse_loss, (drawn(5, 4), drawn(5, 3))).verdict == "wrong"
