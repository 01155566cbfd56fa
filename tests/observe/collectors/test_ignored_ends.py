"""Sums of what follows are compared with the ends of episodes, however they and their flags are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from unstuck.observe.collectors.ignored_ends import ignored_ends
from unstuck.observe.user_code.frames import user_scopes

STEPS, ENVS, GAMMA, LAM = 64, 4, 0.97, 0.9


def rollout(*, cut: bool, shape: tuple[int, ...] = (STEPS, ENVS)) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    rewards, values = np.ones(shape), generator.normal(size=shape)
    dones = (np.arange(STEPS) % 13 == 12).reshape(-1, *(1 for _ in shape[1:])) * np.ones(shape)
    advantages, running = np.zeros(shape), 0.0
    for t in reversed(range(STEPS)):
        alive = 1.0 - dones[t] * cut
        follows = values[t + 1] if t + 1 < STEPS else 0.0
        running = rewards[t] + GAMMA * alive * follows - values[t] + GAMMA * LAM * alive * running
        advantages[t] = running
    return {"rewards": rewards, "values": values, "dones": dones, "advantages": advantages}


def as_tensors(known: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in known.items()}


def as_steps(known: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value.unbind()) for name, value in as_tensors(known).items()}


def turned(known: dict[str, Any]) -> dict[str, Any]:
    return {name: value.T for name, value in as_tensors(known).items()}


def normalised(known: dict[str, Any]) -> dict[str, Any]:
    advantages = as_tensors(known)["advantages"].flatten()
    return {**as_tensors(known), "advantages": (advantages - advantages.mean()) / advantages.std()}


@pytest.mark.parametrize("kept", [dict, as_tensors, as_steps, turned, normalised])
def test_advantages_that_take_what_follows_an_end_are_found(kept: Any) -> None:
    found = ignored_ends([kept(rollout(cut=False))])
    assert found is not None
    assert (found.name, found.ends) == ("advantages", pytest.approx(ENVS * (STEPS // 13), abs=2))
    assert ignored_ends([kept(rollout(cut=True))]) is None


def test_lists_of_python_numbers_are_read_too() -> None:
    known = {name: value.tolist() for name, value in rollout(cut=False, shape=(STEPS,)).items()}
    known["dones"] = [bool(done) for done in known["dones"]]
    assert ignored_ends([known]) is not None


def test_flags_in_runs_are_padding() -> None:
    known = rollout(cut=False)
    known["dones"] = np.broadcast_to((np.arange(STEPS) > 50)[:, None], (STEPS, ENVS)).astype(float)
    assert ignored_ends([known]) is None


def test_without_flags_nothing_is_known() -> None:
    known = rollout(cut=False)
    assert ignored_ends([{**known, "dones": np.zeros((STEPS, ENVS))}]) is None
    assert ignored_ends([{name: known[name] for name in ("rewards", "values", "advantages")}]) is None


class Memory:
    def __init__(self, **kept: Any) -> None:
        self.__dict__.update(kept)


def test_what_an_object_keeps_is_looked_at() -> None:
    memory = Memory(**rollout(cut=False))
    found = ignored_ends(user_scopes())
    assert found is not None
    assert found.name in memory.__dict__
