"""In which mode norms and dropouts are, as it changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD

from unstuck.observe.collectors.modes import MODES_EVERY_STEP_UNTIL, ModesOfModules, modes_of
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Dropout(0.0), nn.BatchNorm1d(3))


def test_modes_are_counted() -> None:
    model = net()
    found = modes_of(model.modules(), step=3, phase="training")
    assert found is not None
    assert (found.step, found.phase, found.model_training) == (3, "training", True)
    assert (found.norms_training, found.norms_evaluating) == (2, 0)
    assert (found.dropouts_training, found.dropouts_evaluating) == (1, 0), "one that drops nothing has no mode"
    model[1].eval()
    model[2].eval()
    found = modes_of(model.modules(), step=3, phase="evaluation", model_training=False)
    assert found is not None
    assert (found.norms_training, found.norms_evaluating) == (1, 1)
    assert (found.dropouts_training, found.dropouts_evaluating) == (0, 1)


def test_layers_that_drop_values_within_them_are_counted() -> None:
    inner = nn.ModuleList([nn.LSTM(2, 3, num_layers=2, dropout=0.2), nn.MultiheadAttention(4, 2, dropout=0.1)])
    found = modes_of(inner.modules(), step=0, phase="training")
    assert found is not None
    assert found.dropouts_training == 2
    idle = nn.ModuleList([nn.GRU(2, 3, num_layers=2), nn.MultiheadAttention(4, 2)])
    assert modes_of(idle.modules(), step=0, phase="training") is None


def test_models_without_modes_have_none() -> None:
    plain = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.BatchNorm1d(3, track_running_stats=False))
    assert modes_of(plain.modules(), step=0, phase="training") is None


def test_norms_that_are_frozen_on_purpose_are_told_apart() -> None:
    model = net().eval()
    model[1].requires_grad_(False)
    found = modes_of(model.modules(), step=0, phase="training")
    assert found is not None
    assert (found.norms_evaluating, found.frozen_norms) == (2, 1)


def test_norms_whose_statistics_were_never_moved_are_told_apart() -> None:
    model = net()
    model(torch.randn(8, 2))
    model.eval()
    model[4].reset_running_stats()
    found = modes_of(model.modules(), step=0, phase="training")
    assert found is not None
    assert found.unmoved_norms == 1


@pytest.fixture
def view() -> View:
    model = net()
    view = View(roots=Roots(SGD(model.parameters(), lr=0.1)))
    view.roots.add(model)
    return view


def test_a_mode_is_told_when_it_changes(view: View) -> None:
    modes, (model,) = ModesOfModules(view), view.roots
    for _ in range(5):
        modes.forward("training")
        view.updates += 1
    assert [fact.step for fact in modes.facts()] == [0]
    assert list(modes.facts()) == []
    model.eval()
    modes.forward("training")
    (fact,) = modes.facts()
    assert (fact.step, fact.norms_evaluating, fact.model_training) == (5, 2, False)


def test_phases_are_told_apart(view: View) -> None:
    modes, (model,) = ModesOfModules(view), view.roots
    modes.forward("training")
    model.eval()
    modes.forward("evaluation")
    model.train()
    modes.forward("training")
    assert [(fact.phase, fact.model_training) for fact in modes.facts()] == [("training", True), ("evaluation", False)]


def test_later_it_looks_at_some_steps_of_training_and_at_each_evaluation(view: View) -> None:
    modes, (model,) = ModesOfModules(view), view.roots
    view.updates = MODES_EVERY_STEP_UNTIL + 1
    while view.updates & 15:
        model.train(not model.training)
        modes.forward("training")
        view.updates += 1
    assert list(modes.facts()) == []
    modes.forward("training")
    view.updates += 1
    modes.forward("evaluation")
    assert [fact.phase for fact in modes.facts()] == ["training", "evaluation"]


def test_frozen_norms_of_which_only_the_parameters_were_loaded_are_told_apart() -> None:
    model = net().eval().requires_grad_(False)
    fresh = modes_of(model.modules(), step=0, phase="training")
    assert fresh is not None
    assert (fresh.unmoved_norms, fresh.half_loaded_norms) == (2, 0), "a frozen layer that was never trained"
    model[1].bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
    half = modes_of(model.modules(), step=0, phase="training")
    assert half is not None
    assert half.half_loaded_norms == 1
    model[1].running_mean.fill_(0.5)
    whole = modes_of(model.modules(), step=0, phase="training")
    assert whole is not None
    assert whole.half_loaded_norms == 0
    model[1].reset_running_stats()
    model[1].requires_grad_(True)
    learning = modes_of(model.modules(), step=0, phase="training")
    assert learning is not None
    assert learning.half_loaded_norms == 0, "its bias may come from this training"
