import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.find_lr.scripts import ACCUMULATED, CLOSURE, PLAIN, SCALED, SHORT, TWO, WORKERS
from unstuck.errors import ArgumentError
from unstuck.find_lr.in_script import InScript

Opened = Callable[..., InScript]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.chdir(tmp_path)
    made: list[InScript] = []

    def of(text: str, *args: str, **options: object) -> InScript:
        (tmp_path / "train.py").write_text(text)
        made.append(InScript("train.py", args, **options))  # type: ignore[arg-type]
        return made[-1]

    yield of
    for one in made:
        one.__exit__(None, None, None)


def plain_losses(rates: tuple[float, ...]) -> list[float]:
    """What the plain script computes at these rates."""
    torch.manual_seed(0)
    x = torch.randn(256, 4)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5], [3.0]])
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    losses: list[float] = []
    while len(losses) < len(rates):
        for a, b in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), 32, shuffle=True):
            if len(losses) == len(rates):
                break
            optimizer.param_groups[0]["lr"] = rates[len(losses)]
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(a), b)
            losses.append(loss.item())
            loss.backward()
            optimizer.step()
    return losses


def test_losses_are_those_of_the_script_at_another_rate_and_nothing_is_written(opened: Opened, tmp_path: Path) -> None:
    inside = opened(PLAIN, "0.02")
    assert (inside.rate, inside.method, inside.momentum) == (0.02, "SGD", 0.0)
    for rates in ((0.1,) * 20, (0.01, 0.05, 0.2)):
        assert inside.train(rates).losses == pytest.approx(plain_losses(rates), rel=1e-6)
    still = inside.train((0.0,) * 5)
    assert inside.train((0.0,) * 5, repeat=1).losses != still.losses
    assert inside.train((0.3,) * 3, repeat=1).losses[0] == inside.train((0.0,), repeat=1).losses[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.py"]


@pytest.mark.slow
def test_a_script_with_workers_begins_anew_for_each_trial(opened: Opened) -> None:
    inside = opened(WORKERS)
    first = inside.train((0.1,) * 3)
    assert first.losses == pytest.approx(plain_losses((0.1,) * 3), rel=1e-6)
    assert inside.train((0.1,) * 3).losses == first.losses


def test_accumulated_batches_are_one_update(opened: Opened) -> None:
    found = opened(ACCUMULATED).train((0.05,) * 6)
    assert len(found.losses) == 6
    assert all(b < a for a, b in zip(found.losses, found.losses[1:], strict=False))


def test_updates_that_a_scaler_skips_are_dropped(opened: Opened) -> None:
    found = opened(SCALED).train((0.05,) * 6)
    assert all(b < a for a, b in zip(found.losses, found.losses[1:], strict=False))


def test_of_two_optimizers_the_first_that_steps_is_steered_and_heard(opened: Opened) -> None:
    inside = opened(TWO)
    found = inside.train((0.1,) * 5)
    assert max(found.losses) < 50.0
    assert any("2 optimizers" in note for note in inside.notes)


def test_a_step_with_a_closure_is_heard(opened: Opened) -> None:
    found = opened(CLOSURE).train((0.1,) * 5)
    assert len(found.losses) == 5
    assert found.losses[4] < found.losses[0]


def test_a_loss_that_is_no_number_ends_a_trial_and_the_next_begins(opened: Opened) -> None:
    inside = opened(PLAIN)
    found = inside.train((1e30,) * 50)
    assert not math.isfinite(found.losses[-1])
    assert len(found.losses) < 50
    assert inside.train((0.1,) * 3).finite


def test_the_end_of_the_script_is_told(opened: Opened) -> None:
    found = opened(SHORT).train((0.1,) * 50)
    assert len(found.losses) == 8
    assert found.ended == "the script ended"


@pytest.mark.slow
def test_a_trial_is_over_after_its_time(opened: Opened) -> None:
    slow = PLAIN.replace("    schedule.step()", "    schedule.step(); __import__('time').sleep(60.0)")
    inside = opened(slow, seconds=20.0)
    began = time.monotonic()
    found = inside.train((0.1,) * 50)
    assert time.monotonic() - began < 50.0
    assert len(found.losses) == 8
    assert "seconds were over" in found.ended


@pytest.mark.slow
def test_in_place_the_script_writes_where_it_is(opened: Opened, tmp_path: Path) -> None:
    opened(PLAIN, in_place=True)
    assert (tmp_path / "log.txt").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise KeyError('mine')", "mine"),
        ("print('hello')", "no update of an optimizer"),
        ("def", "not Python"),
        ("import sys; print('no data here'); import os; os._exit(3)", "no data here"),
    ],
)
def test_scripts_that_come_to_no_update_are_refused_with_the_reason(opened: Opened, text: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        opened(text)


def test_a_script_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no such file"):
        InScript(os.fspath(tmp_path / "none.py"))
