from __future__ import annotations

import json

from tests.sweep.formula import SMALL, formula, outcome
from tests.sweep.results import result
from unstuck.sweep import Plan, read_space
from unstuck.train import Recipe, toml


def test_the_best_is_the_mean_over_seeds_and_the_recipe_holds_it(space):
    found = result(space)
    assert found.best is not None
    assert found.best.setting == {"optimizer.lr": 0.022, "optimizer.weight_decay": 0}
    assert found.best.seeds == 3
    assert abs(found.best.spread - 0.001) < 1e-12
    recipe = Recipe.of(toml.parse(found.text, source="text"))
    assert (recipe.optimizer.lr, recipe.model) == (0.022, Recipe.of(space.base).model)
    assert recipe == found.recipe


def test_it_is_sure_only_where_seeds_tell_the_best_from_the_next(space):
    def far(attempt):
        away = abs(attempt.setting["optimizer.lr"] - 0.022)
        return outcome(0.98 - 10 * away - 0.0001 * attempt.seed)

    assert result(space, far).sure is True
    assert result(space, lambda a: outcome(0.9 + 0.02 * (a.seed % 2) - 1e-4 * a.setting["optimizer.lr"])).sure is False
    assert result(space, plan=Plan(seeds=1)).sure is None


def test_what_was_stopped_is_counted_by_its_rule(space):
    assert result(space).reasons == {"O201": 4}


def test_where_everything_was_stopped_there_is_no_best(space):
    found = result(space, lambda attempt: outcome(reason="pruned", code="N101"))
    assert (found.best, found.recipe, found.text, found.sure) == (None, None, "", None)


def test_the_recipe_as_it_stands_is_known(space):
    assert result(space).stands.setting == space.stands


def test_a_result_is_plain_data(space):
    said = json.loads(json.dumps(result(space).to_dict()))
    assert said["best"]["setting"]["optimizer.lr"] == 0.022
    assert len(said["tried"]) == len(result(space).tried)


def test_batch_sizes_are_traded_by_their_time():
    space = read_space("mlp", over=["train.batch_size=8, 32"], overrides=SMALL)
    seconds = {8: 40.0, 32: 10.0, 64: 20.0}

    def judge(attempt):
        size = attempt.setting["train.batch_size"]
        accuracy = 0.95 + 0.0001 * (size == 8)
        return outcome(accuracy, curve=((seconds[size], accuracy, 0.3),))

    found = result(space, judge)
    assert [(trade.size, trade.seconds) for trade in found.trade] == [(8, 40.0), (32, 10.0), (64, 20.0)]
    assert found.best.setting == {"train.batch_size": 32}
    assert abs(found.trade[1].speed - 0.095) < 1e-12


def test_without_batch_sizes_there_is_no_trade(space):
    assert result(space, formula).trade == ()
