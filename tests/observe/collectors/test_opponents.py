"""Which way both sides of a game move the judge's outputs is seen, however the loss is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session
from unstuck.record import Run, RunWriter
from unstuck.record.facts import Generated, Opponent

Loss = Callable[[Tensor], Tensor]


def scored(label: float) -> Loss:
    return lambda output: F.binary_cross_entropy_with_logits(output, torch.full_like(output, label))


def played(folder: Path, *, made: Loss, data: Loss, generator: Loss, without_graph: bool) -> tuple[Opponent, ...]:
    torch.manual_seed(0)
    maker = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    judge = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    with RunWriter(folder) as writer, Session(writer, budget=1.0):
        first = torch.optim.SGD(maker.parameters(), lr=0.01)
        second = torch.optim.SGD(judge.parameters(), lr=0.01)
        for _ in range(24):
            if without_graph:
                with torch.no_grad():
                    fake = maker(torch.randn(16, 3))
            else:
                fake = maker(torch.randn(16, 3)).detach()
            second.zero_grad()
            (made(judge(fake)) + data(judge((torch.randn(16, 2) + 3.0).requires_grad_()))).backward()
            second.step()
            first.zero_grad()
            generator(judge(maker(torch.randn(16, 3)))).backward()
            first.step()
    with Run.open(folder) as run:
        return tuple(fact for stream in run.streams() for fact in stream.facts(Opponent))


@pytest.mark.parametrize("without_graph", [True, False])
@pytest.mark.parametrize(
    ("made", "data", "generator", "raised"),
    [
        (Tensor.mean, lambda x: -x.mean(), lambda x: -x.mean(), True),
        (Tensor.mean, lambda x: -x.mean(), Tensor.mean, False),
        (scored(0.0), scored(1.0), scored(1.0), True),
        (scored(0.0), scored(1.0), scored(0.0), False),
    ],
    ids=["critic", "critic, wrong", "labels", "labels, wrong"],
)
def test_each_side_has_its_way(
    tmp_path: Path, made: Loss, data: Loss, generator: Loss, raised: bool, without_graph: bool
) -> None:
    looks = played(tmp_path / "run", made=made, data=data, generator=generator, without_graph=without_graph)
    assert len(looks) >= 2
    for look in looks:
        assert (look.raised, look.raised_by_judge, look.data_raised_by_judge) == (raised, False, True)
        assert look.file == __file__


def test_one_training_plays_no_game(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)
    with RunWriter(tmp_path / "run") as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.randn(16, 3)).mean().backward()
            optimizer.step()
    with Run.open(tmp_path / "run") as run:
        assert not run.facts(Opponent)


@pytest.mark.parametrize(
    ("last", "size", "beyond"),
    [(nn.Tanh(), 0.5, 0.0), (nn.Tanh(), 4.0, 0.75), (nn.ReLU(), 1.0, 0.5), (nn.Identity(), 4.0, None)],
)
def test_the_share_of_data_beyond_a_generator_is_known(
    tmp_path: Path, last: nn.Module, size: float, beyond: float | None
) -> None:
    torch.manual_seed(0)
    maker, judge = nn.Sequential(nn.Linear(3, 2), last), nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    with RunWriter(tmp_path / "run") as writer, Session(writer, budget=1.0):
        first = torch.optim.SGD(maker.parameters(), lr=0.01)
        second = torch.optim.SGD(judge.parameters(), lr=0.01)
        for _ in range(24):
            fake = maker(torch.randn(64, 3))
            second.zero_grad()
            data = size * (2.0 * torch.rand(64, 2) - 1.0)
            ((judge(data) - 1.0).square().mean() + judge(fake.detach()).square().mean()).backward()
            second.step()
            first.zero_grad()
            (judge(fake) - 1.0).square().mean().backward()
            first.step()
    with Run.open(tmp_path / "run") as run:
        seen = [fact for stream in run.streams() for fact in stream.facts(Generated)]
    assert bool(seen) is (beyond is not None)
    name = type(last).__name__
    assert all((fact.beyond, fact.function.lower()) == (pytest.approx(beyond, abs=0.1), name.lower()) for fact in seen)
    assert all(fact.size == pytest.approx(size / 3**0.5, rel=0.15) for fact in seen)
    assert all(fact.unbounded is isinstance(last, nn.ReLU) for fact in seen)


def test_an_actor_is_not_asked_for_the_states_of_its_critic(tmp_path: Path) -> None:
    torch.manual_seed(0)
    actor, critic = nn.Sequential(nn.Linear(3, 1), nn.Tanh()), nn.Linear(4, 1)
    with RunWriter(tmp_path / "run") as writer, Session(writer, budget=1.0):
        first = torch.optim.SGD(actor.parameters(), lr=0.01)
        second = torch.optim.SGD(critic.parameters(), lr=0.01)
        for _ in range(12):
            states, actions = 8.0 * torch.randn(16, 3), torch.rand(16, 1)
            second.zero_grad()
            (critic(torch.cat([states, actions], 1)) - 1.0).square().mean().backward()
            second.step()
            first.zero_grad()
            (-critic(torch.cat([states, actor(states)], 1)).mean()).backward()
            first.step()
    with Run.open(tmp_path / "run") as run:
        assert not [fact for stream in run.streams() for fact in stream.facts(Generated)]
