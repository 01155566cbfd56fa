from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import (
    Fact,
    Layer,
    Loss,
    LossClasses,
    LossTarget,
    Model,
    Modes,
    Optimizer,
    Parameter,
    ParameterGroup,
    Training,
)
from unstuck.rules.generalisation.regularisation_too_strong import RegularisationTooStrong
from unstuck.testing.rules import RuleContract, outcome, record

CROSS_ENTROPY = Loss(
    function="cross_entropy", target=LossTarget(type="class"), classes=LossClasses(number=10, counts=(60,) * 10)
)
TIME = np.linspace(0, 6, 60)


def run_with(
    folder: Path,
    *,
    decay: float = 0.0,
    dropout: float = 0.0,
    end: float = 1.2,
    kind: str = "SGD",
    gradient: float = 1.6,
    validation: float | None = None,
    penalty: Training | None = None,
) -> Run:
    """A training whose weights shrink from 4 to 2 in norm."""
    layers = (Layer(path="drop", type="Dropout", description=f"Dropout(p={dropout}, inplace=False)"),)
    group = ParameterGroup(parameters=1, learning_rate=0.01, weight_decay=decay)
    facts: list[Fact] = [
        CROSS_ENTROPY,
        Model(
            type="Net",
            layers=layers,
            parameters=(Parameter(name="0.weight", shape=(30, 40), role="weight"),),
        ),
        Optimizer(type=kind, groups=(group,)),
        Modes(step=0, phase="training", dropouts_training=1),
    ]
    if penalty is not None:
        facts.append(penalty)
    series = {signals.LOSS: list(end + (2.3 - end) * np.exp(-TIME))}
    if validation is not None:
        series[signals.VALIDATION_LOSS] = [validation]
    tables = {
        signals.WEIGHT_NORM: {"0.weight": list(2 + 2 * np.exp(-TIME))},
        signals.GRADIENT_NORM: {"0.weight": [gradient] * 60},
        signals.UPDATE_NORM: {"0.weight": [0.02] * 60},
    }
    return record(folder, series=series, tables=tables, facts=facts)


class TestRegularisationTooStrong(RuleContract):
    rule = RegularisationTooStrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", decay=0.3)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", decay=1e-3)


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        (Training(l2=1.0), True),
        (Training(l1=0.05), True),
        (Training(l2=1e-3), False),
        (Training(l1=1e-4), False),
        (Training(epochs=10), False),
    ],
)
def test_a_penalty_that_the_plan_states(tmp_path: Path, plan: Training, found: bool) -> None:
    findings = outcome(RegularisationTooStrong(), run_with(tmp_path, penalty=plan))
    assert [finding.cause for finding in findings] == ["regularisation-too-strong"] * found


def test_weights_that_have_grown_are_held_by_no_decay(tmp_path: Path) -> None:
    """As where a rate that is too high has thrown them far, and decay takes them back."""
    folder = tmp_path / "grown"
    group = ParameterGroup(parameters=1, learning_rate=1.0, weight_decay=0.3)
    tables = {
        signals.WEIGHT_NORM: {"0.weight": [3.0, *[100.0] * 59]},
        signals.GRADIENT_NORM: {"0.weight": [1.6] * 60},
        signals.UPDATE_NORM: {"0.weight": [0.02] * 60},
    }
    facts = [CROSS_ENTROPY, Optimizer(type="SGD", groups=(group,))]
    run = record(folder, series={signals.LOSS: [2.31] * 60}, tables=tables, facts=facts)
    assert outcome(RegularisationTooStrong(), run) == []


@pytest.mark.parametrize("probability", [0.85, 0.95])
def test_dropout_of_most_units(tmp_path: Path, probability: float) -> None:
    (finding,) = outcome(RegularisationTooStrong(), run_with(tmp_path, dropout=probability))
    assert finding.where.module == "drop"


def test_usual_dropout_is_silent(tmp_path: Path) -> None:
    assert outcome(RegularisationTooStrong(), run_with(tmp_path, dropout=0.5, validation=0.5)) == []


def test_more_dropout_counts_where_validation_is_far_better(tmp_path: Path) -> None:
    assert outcome(RegularisationTooStrong(), run_with(tmp_path / "a", dropout=0.7, validation=1.2)) == []
    assert len(outcome(RegularisationTooStrong(), run_with(tmp_path / "b", dropout=0.7, validation=0.8))) == 1
    assert outcome(RegularisationTooStrong(), run_with(tmp_path / "c", dropout=0.7, validation=0.5)) == [], "it learns"


def test_decoupled_decay_is_held_against_the_update(tmp_path: Path) -> None:
    (finding,) = outcome(RegularisationTooStrong(), run_with(tmp_path / "sick", decay=1.0, kind="AdamW"))
    assert "weight_decay=1" in finding.summary
    assert outcome(RegularisationTooStrong(), run_with(tmp_path / "healthy", decay=0.1, kind="AdamW")) == []


def test_a_good_fit_may_balance_decay_and_gradient(tmp_path: Path) -> None:
    assert outcome(RegularisationTooStrong(), run_with(tmp_path, decay=1e-2, gradient=0.02, end=0.1)) == []


def penalised(folder: Path, *, factor: float) -> Run:
    norms = 4 * np.exp(-TIME)
    call = [2.3] * 60
    total = [2.3 + factor * norm for norm in norms]
    return record(
        folder,
        series={signals.LOSS: total, signals.LOSS_CALL: call},
        tables={signals.WEIGHT_NORM: {"0.weight": list(norms)}},
    )


def test_a_penalty_by_hand(tmp_path: Path) -> None:
    (finding,) = outcome(RegularisationTooStrong(), penalised(tmp_path / "sick", factor=1e4))
    assert "penalty" in finding.summary
    assert outcome(RegularisationTooStrong(), penalised(tmp_path / "small", factor=1e-3)) == []


def test_a_penalty_that_leaves_nothing_of_the_weights_nor_of_itself(tmp_path: Path) -> None:
    (finding,) = outcome(RegularisationTooStrong(), penalised(tmp_path, factor=5.0))
    assert "at first" in finding.summary


@pytest.mark.parametrize(("decay", "found"), [(0.2, 1), (1e-4, 0)])
def test_weights_that_shrink_to_nothing(tmp_path: Path, decay: float, found: int) -> None:
    """Where another fault leaves no gradient, a weak decay does the same in the end: it is not to blame."""
    tables = {
        signals.WEIGHT_NORM: {"0.weight": list(8.0 * np.exp(-2 * TIME))},
        signals.GRADIENT_NORM: {"0.weight": list(np.exp(-2 * TIME))},
        signals.UPDATE_NORM: {"0.weight": [0.02] * 60},
    }
    group = ParameterGroup(parameters=1, learning_rate=1e-3, weight_decay=decay)
    facts = [CROSS_ENTROPY, Optimizer(type="Adam", groups=(group,))]
    run = record(tmp_path, series={signals.LOSS: [2.3026] * 60}, tables=tables, facts=facts)
    findings = outcome(RegularisationTooStrong(), run)
    assert len(findings) == found
    assert all("shrinks the weights" in finding.summary for finding in findings)


@pytest.mark.parametrize(
    ("kind", "decay", "shrunk", "end", "found"),
    [
        ("AdamW", 10.0, 0.25, 0.35, True),  # 0.01 a step of a weight of 20 against updates of 0.21
        ("AdamW", 5.0, 0.25, 0.35, False),  # the gradient moves the weights more
        ("AdamW", 10.0, 0.8, 0.35, False),  # they have hardly shrunk
        ("AdamW", 10.0, 0.25, 0.05, False),  # no harm is seen
        ("SGD", 0.15, 0.25, 0.35, True),  # 0.15 of a weight of 20 against a gradient of 1.6
        ("SGD", 0.02, 0.25, 0.35, False),
    ],
)
def test_a_decay_that_outweighs_the_gradient_is_found_by_its_harm_where_most_is_learnt(
    tmp_path: Path, kind: str, decay: float, shrunk: float, end: float, found: bool
) -> None:
    fall = np.exp(-TIME)
    weights = 20.0 * (shrunk + (1 - shrunk) * fall)
    group = ParameterGroup(parameters=1, learning_rate=1e-3, weight_decay=decay)
    series = {
        signals.LOSS: list(end + (2.3 - end) * np.exp(-3 * TIME)),
        signals.ACCURACY: list(0.93 - 0.83 * fall),
        signals.VALIDATION_ACCURACY: [0.93],
    }
    tables = {
        signals.WEIGHT_NORM: {"0.weight": list(weights)},
        signals.GRADIENT_NORM: {"0.weight": [1.6] * 60},
        signals.UPDATE_NORM: {"0.weight": [0.21] * 60},
    }
    facts: list[Fact] = [CROSS_ENTROPY, Optimizer(type=kind, groups=(group,))]
    findings = outcome(RegularisationTooStrong(), record(tmp_path / "run", series=series, tables=tables, facts=facts))
    assert [finding.cause for finding in findings] == ["regularisation-too-strong"] * found
    if found:
        assert findings[0].severity == "warning"
        assert "more than the gradient" in findings[0].summary


@pytest.mark.parametrize(
    ("decay", "end", "validation", "found"),
    [
        (0.3, 0.35, None, True),  # 0.3 of a weight of 3.4 against a gradient of 1.6, and of 2 squared in a loss of 0.35
        (0.3, 0.35, 0.36, True),
        (0.3, 0.35, 0.6, False),  # it overfits: smaller weights may be of use
        (0.1, 0.35, None, False),  # weak beside the gradient
        (0.3, 0.05, None, False),  # no harm is seen
    ],
)
def test_a_decay_that_is_strong_from_the_first_and_costs_much_of_the_loss(
    tmp_path: Path, decay: float, end: float, validation: float | None, found: bool
) -> None:
    run = run_with(tmp_path / "run", decay=decay, end=end, validation=validation)
    findings = outcome(RegularisationTooStrong(), run)
    assert [finding.severity for finding in findings] == ["warning"] * found
    assert all("in the first steps it pulls" in finding.summary for finding in findings)


def test_a_decay_of_weights_that_grow_all_the_same_is_not_felt(tmp_path: Path) -> None:
    group = ParameterGroup(parameters=1, learning_rate=0.01, weight_decay=0.3)
    tables = {
        signals.WEIGHT_NORM: {"0.weight": list(4.0 - 1.5 * np.exp(-TIME))},
        signals.GRADIENT_NORM: {"0.weight": [1.0] * 60},
        signals.UPDATE_NORM: {"0.weight": [0.02] * 60},
    }
    facts = [CROSS_ENTROPY, Optimizer(type="SGD", groups=(group,))]
    series = {signals.LOSS: list(0.35 + 1.95 * np.exp(-TIME))}
    assert not outcome(RegularisationTooStrong(), record(tmp_path / "run", series=series, tables=tables, facts=facts))


def shrunk(folder: Path, *, decay: float, cosine: float = -0.05, end: float = 2.3) -> Run:
    """Updates that take 5% of the weights each."""
    weights = 10.0 * 0.95 ** np.arange(60)
    tables = {
        signals.WEIGHT_NORM: {"0.weight": list(weights)},
        signals.UPDATE_NORM: {"0.weight": list(0.055 * weights)},
        signals.UPDATE_GRADIENT_COSINE: {"0.weight": [cosine] * 60},
    }
    group = ParameterGroup(parameters=1, learning_rate=1e-3, weight_decay=decay)
    model = Model(type="Net", parameters=(Parameter(name="0.weight", shape=(30, 40), role="weight"),))
    facts: list[Fact] = [CROSS_ENTROPY, model, Optimizer(type="OwnAdamW", groups=(group,))]
    return record(folder, series={signals.LOSS: list(end + 0.01 * np.exp(-TIME))}, tables=tables, facts=facts)


def test_a_decay_that_an_optimizer_makes_by_itself(tmp_path: Path) -> None:
    (stated,) = outcome(RegularisationTooStrong(), shrunk(tmp_path / "stated", decay=0.05))
    (unknown,) = outcome(RegularisationTooStrong(), shrunk(tmp_path / "unknown", decay=0.0))
    assert "weight_decay=0.05 acts without the learning rate" in stated.summary
    assert "acts without" not in unknown.summary
    assert "5.1% off the weights" in unknown.summary
    assert not outcome(RegularisationTooStrong(), shrunk(tmp_path / "asked", decay=0.0, cosine=-0.7))
    assert not outcome(RegularisationTooStrong(), shrunk(tmp_path / "learnt", decay=0.05, end=0.05))
