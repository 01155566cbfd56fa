"""What explains what: the table has no circle, and causes explain only what they are large enough for."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from unstuck.record import signals
from unstuck.record.facts import (
    ActorLoss,
    Connection,
    FirstCurvature,
    Inputs,
    MisplacedOptimizer,
    Model,
    Optimizer,
    Parameter,
    ParameterGroup,
    Wiring,
)
from unstuck.rules.catalogue import RULES
from unstuck.rules.symptoms import EXPLAINED, LARGE_ENOUGH, explains, symptoms_of
from unstuck.testing.rules import record

CODES = {rule.code for rule in RULES}


def inputs(size: float) -> Inputs:
    means, stds = (0.0, 0.0), (size, size)
    return Inputs(
        shape=(50, 2), kind_of="table", examples=50, minimum=-size, maximum=size, feature_means=means, feature_stds=stds
    )


def test_the_table_speaks_of_rules_that_exist() -> None:
    assert EXPLAINED.keys() | {code for below in EXPLAINED.values() for code in below} <= CODES
    assert all(symptom in EXPLAINED[cause] for cause, symptom in LARGE_ENOUGH)


def test_no_explanation_leads_back_to_its_beginning() -> None:
    TopologicalSorter(EXPLAINED).prepare()  # raises CycleError


def test_no_symptom_is_named_twice() -> None:
    assert all(len(set(symptoms_of(code))) == len(symptoms_of(code)) for code in CODES)


def test_what_is_not_in_the_table_is_not_explained(tmp_path: Path) -> None:
    with record(tmp_path) as run:
        assert explains(run, "M102", "O401")
        assert not explains(run, "O401", "M102")
        assert not explains(run, "O401", "O401")


@pytest.mark.parametrize(
    ("size", "rate", "explained"),
    [(100.0, 1e-3, True), (100.0, 1.0, True), (100.0, 1e6, False), (1.0, 1.0, False)],
    ids=["a usual rate", "one that scaled inputs would bear", "one that nothing bears", "inputs of size one"],
)
def test_inputs_explain_a_rate_that_they_would_bear_if_they_were_scaled(
    tmp_path: Path, size: float, rate: float, explained: bool
) -> None:
    facts = (
        inputs(size),
        Optimizer(type="SGD", groups=(ParameterGroup(parameters=1, learning_rate=rate),)),
        FirstCurvature(along_gradient=10.0),
    )
    with record(tmp_path, tables={signals.LEARNING_RATE: {"0": [rate] * 3}}, facts=facts) as run:
        assert explains(run, "D101", "O201") is explained
        assert explains(run, "D101", "O401"), "of that no size is asked"


@pytest.mark.parametrize(("rate", "explained"), [(0.02, True), (1.0, False)])
def test_inputs_explain_no_rate_of_adam_that_is_too_high_for_any(tmp_path: Path, rate: float, explained: bool) -> None:
    facts = (
        inputs(100.0),
        Optimizer(type="Adam", groups=(ParameterGroup(parameters=1, learning_rate=rate),)),
        Model(type="Net", parameters=(Parameter(name="weight", shape=(10, 64), role="weight"),)),
    )
    with record(tmp_path, tables={signals.LEARNING_RATE: {"0": [rate] * 3}}, facts=facts) as run:
        assert explains(run, "D101", "O201") is explained


@pytest.mark.parametrize(("gradients", "explained"), [([3.0, 0.0, 0.0], True), ([0.0, 0.0, 0.0], False)])
def test_a_rate_explains_a_plateau_that_it_led_to(tmp_path: Path, gradients: list[float], explained: bool) -> None:
    with record(tmp_path, tables={signals.GRADIENT_NORM: {"weight": gradients}}) as run:
        assert explains(run, "O201", "G301") is explained


@pytest.mark.parametrize(("first", "explained"), [(1.0, True), (1e-4, False)], ids=["it came later", "from the start"])
def test_a_rate_explains_a_gradient_that_vanishes_once_the_weights_are_thrown(
    tmp_path: Path, first: float, explained: bool
) -> None:
    names = ("a.weight", "b.weight", "c.weight")
    rows = zip(names, (first, first**0.5, 1.0), (1e-4, 1e-2, 1.0), strict=True)
    tables = {
        signals.GRADIENT_NORM: {name: [start, late, late] for name, start, late in rows},
        signals.WEIGHT_NORM: {name: [1.0, 1.0, 1.0] for name in names},
    }
    known = (
        Model(type="Net", parameters=tuple(Parameter(name=name, shape=(8, 8), role="weight") for name in names)),
        Wiring(connections=tuple(Connection(parameter=name) for name in reversed(names))),
    )
    with record(tmp_path, tables=tables, facts=known) as run:
        assert explains(run, "O201", "G102") is explained


@pytest.mark.parametrize("reached", [True, False])
def test_an_actor_that_its_loss_does_not_reach_does_not_move(tmp_path: Path, *, reached: bool) -> None:
    with record(tmp_path, facts=[ActorLoss(step=0, raised=True, reached=reached)]) as run:
        assert explains(run, "L707", "T202") is not reached


@pytest.mark.parametrize("misplaced", [True, False])
def test_an_optimizer_of_anothers_network_clears_its_gradients(tmp_path: Path, *, misplaced: bool) -> None:
    facts = [MisplacedOptimizer(step=0, since=0, unchanged=())] if misplaced else []
    with record(tmp_path, facts=facts) as run:
        assert explains(run, "T201", "G204") is misplaced
