from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Model, Wiring
from unstuck.rules import judge
from unstuck.rules.model.activation_unsuited import ActivationUnsuited
from unstuck.testing.rules import RuleContract, outcome, record

Wired = Callable[..., Run]
FIVE = ((40, 64), (40, 40), (40, 40), (40, 40), (10, 40))
SIGMOIDS = ("data", "Sigmoid", "Sigmoid", "Sigmoid", "Sigmoid")
FADING, EVEN, ONES = (1e-5, 1e-4, 1e-3, 1e-2, 1.0), (0.5, 0.6, 0.7, 0.8, 1.0), (1.0,) * 5


class TestContract(RuleContract):
    rule = ActivationUnsuited()

    @pytest.fixture
    def sick(self, wired: Wired) -> Run:
        return wired(FIVE, SIGMOIDS, gradients=FADING, weights=ONES)

    @pytest.fixture
    def healthy(self, wired: Wired) -> Run:
        return wired(FIVE, ("data", "Relu", "Relu", "Relu", "Relu"), gradients=EVEN, weights=ONES)


def test_a_softmax_between_layers_is_the_first_finding(wired: Wired) -> None:
    first = judge(wired(((48, 64), (32, 48), (10, 32)), ("data", "Softmax", "Softmax"))).findings[0]
    assert (first.code, first.severity) == ("M103", "error")


def test_it_stands_above_the_fading_gradient(wired: Wired) -> None:
    first = judge(wired(FIVE, SIGMOIDS, gradients=FADING, weights=ONES)).findings[0]
    assert (first.code, first.cause) == ("M103", "activation-unsuited")
    assert "G102" in {symptom.code for symptom in first.symptoms}


def test_tanh_layers_whose_gradient_keeps_its_size_are_silent(wired: Wired) -> None:
    run = wired(FIVE, ("data", "Tanh", "Tanh", "Tanh", "Tanh"), gradients=EVEN, weights=ONES)
    assert outcome(ActivationUnsuited(), run) == []


def test_one_sigmoid_layer_is_silent(wired: Wired) -> None:
    run = wired(
        ((30, 64), (20, 30), (10, 20)), ("data", "Sigmoid", "Relu"), gradients=(1e-5, 1e-3, 1.0), weights=ONES[:3]
    )
    assert outcome(ActivationUnsuited(), run) == []


def test_attention_and_gates_do_not_feed_weights_alone(wired: Wired) -> None:
    assert outcome(ActivationUnsuited(), wired(((48, 64), (10, 48)), ("data", "Bmm"))) == []


def test_what_learns_well_is_silent(wired: Wired) -> None:
    run = wired(FIVE, SIGMOIDS, gradients=FADING, weights=ONES, loss=np.geomspace(2.3, 0.02, 100))
    assert outcome(ActivationUnsuited(), run) == []


def test_a_graph_that_is_compiled_earns_no_tick(tmp_path: Path) -> None:
    facts = (Model(type="Net"), Wiring(complete=False))
    (left,) = ActivationUnsuited().check(record(tmp_path, series={signals.LOSS: [2.3] * 50}, facts=facts))
    assert isinstance(left, NotEvaluated)
