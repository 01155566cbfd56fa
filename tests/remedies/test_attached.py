from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import distributions, nn
from torch.nn import functional as F

from tests.remedies.trainings import changed_by, recorded, rings, weights
from unstuck.record import Finding
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.attached import Attached

MODEL = Change(remedy="attached", settings={"where": "model"})
ANYWHERE = Change(remedy="attached", settings={"where": "anywhere"})
CUT = Finding(code="G203", cause="graph-detached", severity="error", confidence=0.9, summary="s", advice="a")

Cut = Callable[[torch.Tensor], torch.Tensor]


class Net(nn.Module):
    def __init__(self, cut: Cut, *, off: bool) -> None:
        super().__init__()
        self.first, self.second, self.cut, self.off = nn.Linear(2, 16), nn.Linear(16, 3), cut, off

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.off):
            hidden = self.first(x)
        return self.second(torch.relu(self.cut(hidden)))


def train(cut: Cut = lambda x: x, *, off: bool = False, steps: int = 10) -> nn.Module:
    torch.manual_seed(0)
    inputs, classes = rings()
    model = Net(cut, off=off)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("cut", [lambda x: x.detach(), torch.detach, lambda x: x.data])
def test_it_gives_what_the_repaired_script_gives(cut: Cut) -> None:
    expected = weights(train())
    assert torch.equal(changed_by(MODEL, lambda: train(cut)), expected)
    assert torch.equal(changed_by(ANYWHERE, lambda: train(cut)), expected)


def test_layers_that_run_without_gradients_run_with_them() -> None:
    assert torch.equal(changed_by(MODEL, lambda: train(off=True)), weights(train()))


def test_outside_of_modules_only_anywhere_attaches() -> None:
    weight = torch.ones(2, requires_grad=True)
    for change, attached in ((MODEL, False), (ANYWHERE, True)):
        with applied(change):
            hidden = (2.0 * weight).detach()
            assert hidden.requires_grad is attached
            assert (2.0 * weight).detach().numpy().tolist() == [2.0, 2.0]
            if attached:
                assert not changed()  # no gradient has passed yet, and through NumPy none ever does
                hidden.sum().backward()
        assert changed() is attached


@pytest.mark.parametrize("back", ["tensor", "from_numpy", "as_tensor"])
def test_a_way_through_numpy_within_a_module_hands_gradients_on(back: str) -> None:
    through = changed_by(MODEL, lambda: train(lambda x: getattr(torch, back)(x.detach().numpy().clip(-9.0, 9.0))))
    assert torch.equal(through, weights(train()))


def test_an_evaluation_in_training_mode_is_no_cut() -> None:
    model = Net(lambda x: x, off=False)
    with applied(MODEL), torch.no_grad():
        assert not model(torch.ones(1, 2)).requires_grad
    assert not changed()


def test_evaluations_get_no_graph() -> None:
    model = Net(lambda x: x, off=False).eval()
    with applied(ANYWHERE), torch.no_grad():
        assert not model(torch.ones(1, 2)).requires_grad
    assert not changed()


def test_draws_pass_gradients_on_where_a_draw_was_the_cut() -> None:
    mean = torch.zeros(3, requires_grad=True)
    with applied(Change(remedy="attached", settings={"where": "model", "draws": True})):
        assert distributions.Normal(mean, 1.0).sample().requires_grad
        assert distributions.Independent(distributions.Laplace(mean, torch.ones(3)), 1).sample().requires_grad
        assert not distributions.Bernoulli(mean.sigmoid()).sample().requires_grad
    with applied(MODEL):
        assert not distributions.Normal(mean, 1.0).sample().requires_grad


def test_it_is_tried_where_parameters_get_no_gradient(tmp_path: Path) -> None:
    remedy = Attached()
    with recorded(tmp_path / "sick", lambda: train(lambda x: x.detach())) as run:
        assert list(remedy.candidates(run, None)) == [MODEL, ANYWHERE]
        assert remedy.words(MODEL, run) == "with the graph attached where it was cut within the model"
        assert remedy.words(ANYWHERE, run) == "with the graph attached where it was cut"
        assert remedy.obstacle(run) is None
    with recorded(tmp_path / "trial", lambda: train(lambda x: x.detach()), MODEL) as run:
        assert remedy.candidates(run, None) == ()
        assert len(remedy.candidates(run, CUT)) == 2
