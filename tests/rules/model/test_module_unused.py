from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Fact, Graph, LostBranch, Model, Parameter, Router, UncalledModule, UncalledModules
from unstuck.rules.model.module_unused import ModuleUnused
from unstuck.testing.rules import RuleContract, outcome, record

NAN = float("nan")


def trained(
    folder: Path, *more: Fact, steps: int = 30, reached: bool = False, gradient: float = NAN, **about: Any
) -> Run:
    names = ("first.weight", "norm.weight")
    module = UncalledModule(
        **{
            "path": "norm",
            "type": "LayerNorm",
            "parameters": ("norm.weight",),
            "place": "between",
            "users": True,
            **about,
        }
    )
    stated = (
        Model(type="Net", parameters=tuple(Parameter(name=name, shape=(8,)) for name in names)),
        Graph(step=0, reached=names if reached else names[:1]),
        UncalledModules(steps=steps, modules=(module,)),
        *more,
    )
    tables = {signals.GRADIENT_NORM: {"first.weight": [1.0] * 20, "norm.weight": [gradient] * 20}}
    return record(folder, series={signals.LOSS: np.geomspace(2.3, 0.02, 50)}, tables=tables, facts=stated)


class TestContract(RuleContract):
    rule = ModuleUnused()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return trained(tmp_path / "sick")

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return trained(tmp_path / "healthy", reached=True, gradient=0.1)


@pytest.mark.parametrize(
    ("about", "severity"),
    [
        ({}, "warning"),
        ({"type": "Linear"}, "warning"),
        ({"place": "elsewhere"}, "warning"),  # a normalisation
        ({"place": "elsewhere", "type": "Linear"}, "note"),  # a head that nobody needs
        ({"mentioned": True}, "note"),
        ({"copied": True}, "note"),
        ({"users": False}, "note"),
        ({"place": "list", "type": "Block"}, "warning"),
        ({"place": "list", "type": "Block", "users": False}, "note"),
    ],
)
def test_a_warning_where_it_was_meant_to_act(tmp_path: Path, about: dict[str, Any], severity: str) -> None:
    with trained(tmp_path / "a", **about) as run:
        (finding,) = outcome(ModuleUnused(), run)
    assert finding.severity == severity
    assert "none of the 30 steps watched" in finding.summary


@pytest.mark.parametrize("kept", [{"reached": True}, {"gradient": 0.1}])
def test_weights_that_a_function_uses_are_not_unused(tmp_path: Path, kept: dict[str, Any]) -> None:
    with trained(tmp_path / "a", **kept) as run:
        assert outcome(ModuleUnused(), run) == []


@pytest.mark.parametrize(("steps", "judged"), [(6, False), (7, True)])
def test_few_steps_say_nothing(tmp_path: Path, steps: int, judged: bool) -> None:
    with trained(tmp_path / "a", steps=steps) as run:
        (said,) = ModuleUnused().apply(run)
    assert isinstance(said, NotEvaluated) != judged


@pytest.mark.parametrize(("where", "found"), [("moe", 0), ("", 0), ("other", 1)])
def test_experts_that_a_router_does_not_choose_are_no_mistake(tmp_path: Path, where: str, found: int) -> None:
    router = Router(where=where, experts=4, chosen=1, tokens=64)
    run = trained(tmp_path, router, path="moe.experts.1", type="Sequential", place="list")
    assert len(outcome(ModuleUnused(), run)) == found


def embedded(folder: Path, *, end: float = 1.0, reached: bool = False, **known: Any) -> Run:
    """A body, and the embedding of a time that runs."""
    names = ("body.weight", "time.weight")
    stated = (
        Model(type="Net", parameters=tuple(Parameter(name=name, shape=(8,)) for name in names)),
        Graph(step=0, reached=names if reached else names[:1]),
        UncalledModules(steps=30, modules=()),
        LostBranch(**{"where": "time", "given_to": "body", "file": "train.py", "line": 7, **known}),
    )
    return record(folder, series={signals.LOSS: np.geomspace(2.3, end, 50)}, facts=stated)


def test_what_runs_and_is_not_read_is_named_with_whoever_is_given_it(tmp_path: Path) -> None:
    (finding,) = outcome(ModuleUnused(), embedded(tmp_path))
    assert "body is given it, and does not read it" in finding.summary
    assert (finding.severity, finding.where.module, finding.where.line) == ("warning", "time", 7)


@pytest.mark.parametrize(
    "known", [{"cut_by": "detach"}, {"returned": True}, {"reached": True}], ids=["cut", "returned", "reached"]
)
def test_what_is_cut_off_returned_or_learns_is_another_matter(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(ModuleUnused(), embedded(tmp_path, **known))


@pytest.mark.parametrize(
    ("part", "severity"),
    [("time", "warning"), (None, "warning"), ("", "note"), ("body", "note")],
    ids=["the user's", "not known", "a library's", "one of several results"],
)
def test_what_a_library_leaves_unused_is_worth_a_note(tmp_path: Path, part: str | None, severity: str) -> None:
    (finding,) = outcome(ModuleUnused(), embedded(tmp_path, part=part))
    assert finding.severity == severity
