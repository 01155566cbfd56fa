"""The model, its parts and modes, as runs keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unstuck.record import facts
from unstuck.record.facts import model

Read = Callable[[str, dict[str, Any]], Any]

RECORDED: list[tuple[str, dict[str, Any], facts.Fact]] = [
    (
        "model",
        {
            "type": "Net",
            "layers": [{"path": "fc", "type": "Linear", "description": "Linear(3, 2)"}],
            "parameters": [
                {
                    "name": "fc.weight",
                    "shape": [2, 3],
                    "role": "weight",
                    "trainable": False,
                    "optimized": False,
                    "fresh": True,
                }
            ],
        },
        facts.Model(
            type="Net",
            layers=(facts.Layer(path="fc", type="Linear", description="Linear(3, 2)"),),
            parameters=(
                facts.Parameter(
                    name="fc.weight", shape=(2, 3), role="weight", trainable=False, optimized=False, fresh=True
                ),
            ),
        ),
    ),
    (
        "ran",
        {"step": 3, "layers": ["conv", "fc"], "without_gradient": ["conv"]},
        facts.Ran(step=3, layers=("conv", "fc"), without_gradient=("conv",)),
    ),
    (
        "modes",
        {
            "step": 5,
            "phase": "evaluation",
            "norms_training": 1,
            "norms_evaluating": 2,
            "dropouts_training": 3,
            "dropouts_evaluating": 4,
            "frozen_norms": 1,
            "unmoved_norms": 1,
            "half_loaded_norms": 1,
            "model_training": False,
        },
        facts.Modes(
            step=5,
            phase="evaluation",
            norms_training=1,
            norms_evaluating=2,
            dropouts_training=3,
            dropouts_evaluating=4,
            frozen_norms=1,
            unmoved_norms=1,
            half_loaded_norms=1,
            model_training=False,
        ),
    ),
    (
        "stale_copy",
        {"step": 40, "as_made": True, "norms": 3, "file": "train.py", "line": 71},
        facts.StaleCopy(step=40, as_made=True, norms=3, file="train.py", line=71),
    ),
    (
        "uncalled_modules",
        {"steps": 9, "modules": [{"path": "norm", "type": "LayerNorm", "parameters": ["norm.bias"], "place": "list"}]},
        facts.UncalledModules(
            steps=9,
            modules=(facts.UncalledModule(path="norm", type="LayerNorm", parameters=("norm.bias",), place="list"),),
        ),
    ),
    (
        "router",
        {"where": "blocks.0.moe", "experts": 8, "chosen": 2, "tokens": 512},
        facts.Router(where="blocks.0.moe", experts=8, chosen=2, tokens=512),
    ),
    (
        "weights_left_out",
        {"parameters": ["body.weight"], "keys": ["module.body.weight"], "own": True, "file": "train.py", "line": 12},
        facts.WeightsLeftOut(
            parameters=("body.weight",), keys=("module.body.weight",), own=True, file="train.py", line=12
        ),
    ),
    (
        "adapter",
        {"zero": "query.up", "other": "query.down", "frozen": "query.base.weight", "begins": 28.5},
        facts.Adapter(zero="query.up", other="query.down", frozen="query.base.weight", begins=28.5),
    ),
    (
        "batch_statistics",
        {"step": 100, "where": "norm", "examples": 2, "noise": 0.4, "values": 8},
        facts.BatchStatistics(step=100, where="norm", examples=2, noise=0.4, values=8),
    ),
]
"""Each kind as a run has it, and the fact that it stands for, with all fields set."""


@pytest.mark.parametrize(("kind", "values", "fact"), RECORDED, ids=[kind for kind, *_ in RECORDED])
def test_what_runs_hold_is_read(kind: str, values: dict[str, Any], fact: facts.Fact, read: Read) -> None:
    assert read(kind, values) == fact


@pytest.mark.parametrize("fact", [fact for *_, fact in RECORDED], ids=lambda fact: fact.kind)
def test_what_is_stated_comes_back(fact: facts.Fact, stored: Callable[[facts.Fact], facts.Fact]) -> None:
    assert stored(fact) == fact


def test_every_kind_of_the_module_is_here() -> None:
    assert [kind for kind, *_ in RECORDED] == [
        kind for kind, cls in facts.KINDS.items() if cls.__module__ == model.__name__
    ]


def test_a_parameter_trains_unless_it_is_said_otherwise(read: Read) -> None:
    model = read("model", {"type": "Net", "parameters": [{"name": "w", "shape": [2]}]})
    (parameter,) = model.parameters
    assert (parameter.trainable, parameter.optimized, parameter.fresh) == (True, True, None)
