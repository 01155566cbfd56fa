"""A sweep on a Ray cluster of this machine; ``make test-ray`` runs it."""

from __future__ import annotations

import pytest

from tests.sweep.formula import SMALL
from unstuck.errors import MissingPackageError
from unstuck.sweep import CoarseToFine, Plan, read_space, sweep
from unstuck.sweep.alone import train_alone
from unstuck.sweep.attempt import Try
from unstuck.sweep.judge import Reason
from unstuck.sweep.on_ray import OnRay


def test_without_ray_it_is_missed_by_name(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"ray is needed for --ray.*search-ray"):
        OnRay("local")


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    yield OnRay("local")
    ray.shutdown()


@pytest.fixture
def space():
    return read_space("mlp", over=["optimizer.lr=1e-3..1"], overrides=SMALL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_sweep_on_ray_finds_what_one_here_finds(cluster, space, tmp_path):
    plan = Plan(seeds=2, finalists=2)
    there = sweep(space, tmp_path / "ray", strategy=CoarseToFine(plan=plan), trainer=cluster)
    here = sweep(space, tmp_path / "here", strategy=CoarseToFine(plan=plan))
    assert there.best.setting == here.best.setting
    assert (there.best.mean, there.best.test) == (here.best.mean, here.best.test)
    assert there.best.loss == pytest.approx(here.best.loss, rel=1e-5)
    assert [one.attempt for one in there.tried] == [one.attempt for one in here.tried]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_try_is_the_same_there_can_be_stopped_from_here_and_may_fail(cluster, space):
    rates = (0.1, 0.2, -1.0)
    tries = [Try(setting={"optimizer.lr": rate}, stage="coarse") for rate in rates]
    seen = []

    def after_epoch(attempt, epoch):
        seen.append((attempt.setting["optimizer.lr"], epoch.number))
        return Reason("", "enough") if attempt == tries[1] and epoch.number == 2 else None

    made = dict(zip(rates, [None] * 3, strict=True))
    for attempt, outcome in cluster.train(space, tries, after_epoch, print):
        made[attempt.setting["optimizer.lr"]] = outcome
    alone = train_alone(space, tries[0])
    assert (made[0.1].accuracy, made[0.1].loss, made[0.1].test) == (alone.accuracy, alone.loss, alone.test)
    assert (made[0.2].reason, made[0.2].said, made[0.2].epochs) == ("pruned", "enough", 2)
    assert made[-1.0].reason == "refused"
    assert {(0.1, 1), (0.1, 4), (0.2, 2)} <= set(seen)
    assert (0.2, 4) not in seen
