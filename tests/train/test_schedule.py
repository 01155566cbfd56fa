from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import SGD

from unstuck import schedules
from unstuck.errors import ArgumentError, RecipeError
from unstuck.train import Recipe
from unstuck.train.schedule import (
    MOMENTUM_SCHEDULES,
    SCHEDULES,
    build_momentum_schedule,
    build_schedule,
    momentum_constants_of,
    schedule_constants_of,
    shortened,
)

NEEDED = {
    "step": {"step_size": 2},
    "exponential": {"gamma": 0.9},
    "inverse-time": {"rate": 0.5},
    "inverse-square-root": {"warmup_steps": 4},
}


def optimizer() -> SGD:
    return SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def rates(name: str, constants: dict[str, float], *, epochs: int = 4, per_epoch: int = 5, **how: object) -> np.ndarray:
    method = optimizer()
    schedule = build_schedule(name, method, constants, epochs=epochs, steps_per_epoch=per_epoch, **how)  # type: ignore[arg-type]
    found: list[float] = []
    for _ in range(epochs * per_epoch):
        found.append(float(method.param_groups[0]["lr"]))
        method.step()
        schedule.step()
    return np.array(found)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "plateau"])
def test_every_schedule_can_be_built_and_warmed_up(name: str) -> None:
    plain = rates(name, NEEDED.get(name, {}))
    assert len(plain) == 20
    if name != "inverse-square-root":
        warm = rates(name, NEEDED.get(name, {}), warmup=4)
        assert np.allclose(warm[:4], [0.2, 0.4, 0.6, 0.8])
        assert warm[4] == 1.0


def test_every_rate_schedule_of_the_library_has_a_name() -> None:
    others = {"Schedule", "Warmup", "SequentialLR", "ChainedScheduler"}
    known = {name for name in schedules.__all__ if "Momentum" not in name} - others
    assert {kind.__name__ for kind in SCHEDULES.values()} == known


def test_every_momentum_schedule_of_the_library_has_a_name() -> None:
    known = {name for name in schedules.__all__ if "Momentum" in name}
    assert {kind.__name__ for kind in MOMENTUM_SCHEDULES.values()} == known


def momenta(name: str, constants: dict[str, float], **how: Any) -> list[float]:
    method = SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    schedule = build_momentum_schedule(name, method, constants, epochs=4, steps_per_epoch=5, **how)
    return [round(float(value), 6) for value in schedule.curve(20)]  # type: ignore[attr-defined]


def test_a_linear_momentum_climbs_during_the_whole_training() -> None:
    assert momenta("linear", {"start": 0.0, "end": 0.95}) == pytest.approx(np.arange(20) * 0.05, abs=1e-6)
    assert momenta("linear", {"start": 0.0, "end": 0.9}, unit="epoch") == [0.0] * 5 + [0.3] * 5 + [0.6] * 5 + [0.9] * 5
    assert momenta("linear", {"start": 0.0, "end": 0.9, "total_steps": 2})[1:4] == [0.45, 0.9, 0.9]


def test_the_stairs_of_momentum_count_steps() -> None:
    assert momenta("sutskever", {"stair": 10}) == [0.5] * 10 + [0.75] * 10
    assert momenta("sutskever", {"stair": 3}, unit="epoch") == [0.5] * 15 + [0.75] * 5
    assert momenta("fixed", {}) == [0.9] * 20


def test_constants_count_epochs_unless_said_otherwise() -> None:
    assert rates("step", {"step_size": 2, "gamma": 0.5}).tolist() == [1.0] * 10 + [0.5] * 10
    assert rates("step", {"step_size": 10, "gamma": 0.5}, unit="step").tolist() == [1.0] * 10 + [0.5] * 10


def test_a_cosine_falls_over_the_whole_training_after_the_warm_up() -> None:
    expected = 0.5 * (1 + np.cos(np.pi * np.arange(16) / 16))
    assert np.allclose(rates("cosine", {}, warmup=4)[4:], expected)
    by_epoch = rates("cosine", {}, unit="epoch")
    assert np.allclose(by_epoch.reshape(4, 5), (0.5 * (1 + np.cos(np.pi * np.arange(4) / 4)))[:, None])


@pytest.mark.parametrize(
    ("name", "constants", "how", "message"),
    [
        ("step", {}, {}, "step_size is missing: 'step' needs it"),
        ("exponential", {}, {}, "gamma"),
        ("exponential", {"gamma": 0.5, "rate": 0.5}, {}, "give one of gamma"),
        ("cosine", {}, {"warmup": 20}, "warmup=20: the training has 20 steps"),
        ("plateau", {}, {"warmup": 2}, "warmup=2: 'plateau' climbs by itself"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, constants: dict[str, float], how: dict[str, int], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        rates(name, constants, **how)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "cosin"}, r"schedule.name='cosin' is not known; did you mean 'cosine'"),
        ({"name": "step", "T_max": 3}, r"schedule.T_max=3: 'step' has none; it takes step_size, gamma"),
        ({"step_size": 3}, r"schedule.step_size=3: 'fixed' has none; it takes no constants"),
        ({"name": "step", "stepsize": 3}, r"schedule.stepsize=3: no such key; did you mean 'schedule.step_size'"),
        ({"warmup": -1}, r"schedule.warmup=-1: a number from 0"),
        ({"unit": "steps"}, r"schedule.unit='steps' is not known; did you mean 'step'"),
    ],
)
def test_a_section_says_what_is_wrong(table: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.of({"schedule": table})


def test_a_shorter_training_has_no_count_of_nothing() -> None:
    assert shortened("step", {"step_size": 3, "gamma": 0.1}, 0.01) == {"step_size": 1, "gamma": 0.1}
    assert shortened("exponential", {"gamma": 0.9}, 0.5) == {"gamma": pytest.approx(0.81)}
    assert shortened("cosine", {"eta_min": 0.1}, 0.1) == {"eta_min": 0.1}


def test_the_constants_of_each() -> None:
    assert momentum_constants_of("sutskever") == ("max_momentum", "stair")
    assert schedule_constants_of("cosine") == ("T_max", "eta_min")
    assert schedule_constants_of("fixed") == ()
