from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.confirm.effect import effect
from unstuck.record import Evidence, Finding
from unstuck.record.facts import LossTerms as Seen
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.loss_terms import LossTerms

REMEDY = LossTerms()

STATED = Finding(
    code="L302",
    cause="loss-reduction-wrong",
    severity="error",
    confidence=0.9,
    summary="it",
    advice="",
    evidence=(Evidence(signal=Seen.kind, value=500.0, threshold=1.0),),
)


def penalised(factor: float, *, squared: bool = False, by_hand: bool = False) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(80):
        scores = model(inputs)
        if by_hand:
            loss = -scores.log_softmax(1)[torch.arange(len(classes)), classes].mean()
        else:
            loss = F.cross_entropy(scores, classes)
        each = [parameter.pow(2).sum() if squared else parameter.abs().sum() for parameter in model.parameters()]
        optimizer.zero_grad()
        (loss + factor * sum(each)).backward()  # type: ignore[union-attr]
        optimizer.step()
    return model


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.size, self.kind = mlp(outputs=16), nn.Linear(16, 1), nn.Linear(16, 3)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = torch.relu(self.body(inputs))
        return self.size(hidden), self.kind(hidden)


def two_tasks(heavy: float) -> nn.Module:
    inputs, classes = blobs()
    model = TwoHeads()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1 / max(heavy, 1.0))
    for _ in range(80):
        size, kind = model(inputs)
        loss = heavy * F.mse_loss(size, inputs[:, :1]) + F.cross_entropy(kind, classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_penalty_left_out_gives_what_the_script_gives_without_it(squared: bool, by_hand: bool) -> None:
    without = Change(remedy="loss-terms", settings={"of": "penalty", "factor": 0.0})
    found = changed_by(without, lambda: penalised(0.3, squared=squared, by_hand=by_hand))
    assert torch.allclose(found, weights(penalised(0.0, by_hand=by_hand)), atol=1e-5)


def test_a_penalty_that_is_weaker_gives_what_the_script_gives_with_its_factor() -> None:
    weaker = Change(remedy="loss-terms", settings={"of": "penalty", "factor": 0.1})
    assert torch.allclose(changed_by(weaker, lambda: penalised(0.01)), weights(penalised(0.001)), atol=1e-4)


def test_learning_is_restored_without_a_penalty_that_was_too_strong(tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: penalised(0.3)) as sick:
        weaker, without, *_ = REMEDY.candidates(sick, None)
        assert REMEDY.words(weaker, sick) == "with the penalty on the weights times 0.01"
        assert REMEDY.words(without, sick) == "without the penalty on the weights"
        assert REMEDY.proved_by(without, sick) == ("regularisation-too-strong",)
        assert REMEDY.obstacle(sick) is None
        with recorded(tmp_path / "trial", lambda: penalised(0.3), without) as trial:
            assert effect([sick], [trial]).says == "restores"


def test_a_loss_without_a_penalty_is_left_alone(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: penalised(0.0)) as run:
        assert REMEDY.candidates(run, None) == []
    with applied(Change(remedy="loss-terms", settings={"of": "penalty", "factor": 0.0})):
        two_tasks(1.0)
    assert not changed()


def test_the_heavy_term_is_weighed_down_to_the_light_one(tmp_path: Path) -> None:
    with recorded(tmp_path / "sick", lambda: two_tasks(1e3)) as sick:
        (change,) = REMEDY.candidates(sick, None)
        assert change.settings["place"] == 0
        assert change.number("factor") == pytest.approx(1e-3, rel=0.9)
        assert REMEDY.words(change, sick).startswith("with the term mse_loss in line ")
        assert "loss-terms-unbalanced" in REMEDY.proved_by(change, sick)
        with recorded(tmp_path / "trial", lambda: two_tasks(1e3), change) as trial:
            told = effect([sick], [trial])
        assert told.yardstick == "least learnt term"


def test_a_weight_on_a_term_gives_what_the_script_gives_with_it() -> None:
    change = Change(remedy="loss-terms", settings={"of": "term", "place": 0, "number": 2, "factor": 0.5, "words": "it"})
    expected = weights(two_tasks(0.5))
    assert torch.allclose(changed_by(change, lambda: two_tasks(1.0)), expected, atol=1e-5)


def autoencoder(weight: float, *, reduction: str = "mean", steps: int = 20) -> nn.Module:
    inputs, _ = blobs()
    model = mlp(outputs=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(steps):
        out = model(inputs)
        error = F.mse_loss(out, inputs, reduction=reduction)
        error = error.sum(1).mean() if reduction == "none" else error
        divergence = -0.5 * (1 + out - out.pow(2) - out.exp()).sum(1).mean()
        optimizer.zero_grad()
        (error + weight * divergence).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_what_is_beside_a_loss_may_be_a_sum_of_several_terms(reduction: str, tmp_path: Path) -> None:
    beside = Change(remedy="loss-terms", settings={"of": "beside", "factor": 0.01, "words": "it"})
    found = changed_by(beside, lambda: autoencoder(10.0, reduction=reduction))
    assert torch.allclose(found, weights(autoencoder(0.1, reduction=reduction)), atol=1e-5)
    with recorded(tmp_path, lambda: autoencoder(100.0, reduction=reduction)) as run:
        assert "beside" in [change.settings["of"] for change in REMEDY.candidates(run, STATED)]


def test_a_finding_states_by_how_much(tmp_path: Path) -> None:
    with recorded(tmp_path, lambda: two_tasks(1e3)) as run:
        (change,) = [one for one in REMEDY.candidates(run, STATED) if one.settings["of"] == "term"]
    assert change.number("factor") == pytest.approx(0.002)
