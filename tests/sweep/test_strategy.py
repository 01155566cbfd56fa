from __future__ import annotations

import pytest

from tests.sweep.formula import Formula
from unstuck.errors import ArgumentError
from unstuck.sweep import CoarseToFine, Plan, Sampled
from unstuck.sweep.show import Quiet
from unstuck.sweep.strategy import strategy_of
from unstuck.sweep.study import Study
from unstuck.sweep.work import work


@pytest.mark.parametrize(
    "strategy", [CoarseToFine(plan=Plan(seeds=2)), Sampled(sampler="tpe seed=1", pruner="median", plan=Plan(tries=9))]
)
def test_a_strategy_is_known_from_what_a_study_says_of_it(strategy):
    assert strategy_of(strategy.how) == strategy
    assert strategy.name


@pytest.mark.parametrize("sampler", ["tpe seed=1 n_startup_trials=4", "random seed=0", "qmc seed=0", "grid seed=1"])
def test_samplers_of_optuna_make_so_many_tries_and_the_best_is_trained_with_further_seeds(space, tmp_path, sampler):
    strategy = Sampled(sampler=sampler, plan=Plan(tries=8, seeds=2, finalists=2))
    study = Study(space, tmp_path / "study.journal", how=strategy.how)
    trainer = Formula()
    known = work(study, strategy, trainer, show=Quiet(), folder=tmp_path)
    stages = [attempt.stage for attempt in trainer.made]
    assert stages.count("sampled") == 8
    assert stages.count("seeds") == 2
    assert len(known) == len(trainer.made) == strategy.expected(space) - 2


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        (Sampled(sampler="tpf"), "did you mean 'tpe'"),
        (Sampled(sampler="tpe n_starts=3"), "n_starts"),
        (Sampled(sampler="tpe", pruner="mediam"), "did you mean 'median'"),
        (Sampled(sampler="tpe", pruner="percentile"), "percentile"),
    ],
)
def test_what_optuna_does_not_have_is_refused_before_anything_is_made(space, strategy, said):
    with pytest.raises(ArgumentError) as error:
        strategy.check(space)
    assert said in str(error.value)
