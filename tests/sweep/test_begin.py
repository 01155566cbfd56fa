from __future__ import annotations

import pytest

from tests.sweep.formula import SMALL, Formula
from unstuck.errors import ArgumentError, StudyError
from unstuck.sweep import begin, join
from unstuck.sweep.strategy import CoarseToFine, Sampled
from unstuck.train import Recipe

OVER = ["optimizer.lr=1e-3..1"]


def test_a_sweep_is_begun_and_gone_on_with_by_its_folder(tmp_path):
    first = begin("mlp", over=OVER, overrides=SMALL, folder=tmp_path / "out")
    assert type(first.strategy) is CoarseToFine
    assert first.description.startswith("optimizer.lr over 0.001, 0.01, 0.1, 1;")
    result = join(first.study, first.strategy, first.folder, trainer=Formula())
    again = begin(str(tmp_path / "out"))
    assert (again.source, again.space, again.strategy) == ("mlp", first.space, first.strategy)
    trainer = Formula()
    assert join(again.study, again.strategy, again.folder, trainer=trainer).best == result.best
    assert trainer.made == []
    assert Recipe.read(first.write_best(result)).optimizer.lr == result.best.setting["optimizer.lr"]


def test_another_machine_joins_by_the_storage_alone(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    begin(
        "mlp", over=OVER, overrides=SMALL, folder=tmp_path / "a", storage=storage, name="n", sampler="random", tries=3
    )
    other = begin(None, folder=tmp_path / "b", storage=storage, name="n")
    assert type(other.strategy) is Sampled
    assert other.strategy.plan.tries == 3
    assert "--storage" in other.again


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pruner": "median"}, "it goes with --sampler"),
        ({"quick": True, "sampler": "tpe"}, "--quick"),
        ({"sampler": "tpf"}, "did you mean 'tpe'"),
        ({"storage": "ftp://host"}, "is accepted"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, changes, said):
    with pytest.raises(ArgumentError) as error:
        begin("mlp", over=OVER, overrides=SMALL, folder=tmp_path / "out", **changes)
    assert said in str(error.value)


def test_a_folder_without_a_sweep_or_with_options_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="holds no sweep"):
        begin(str(tmp_path))
    begin("mlp", over=OVER, overrides=SMALL, folder=tmp_path / "out")
    with pytest.raises(ArgumentError, match="leave the options away"):
        begin(str(tmp_path / "out"), over=OVER)
    with pytest.raises(StudyError, match="other values"):
        begin("mlp", over=["optimizer.lr=1e-3..10"], overrides=SMALL, folder=tmp_path / "out")
