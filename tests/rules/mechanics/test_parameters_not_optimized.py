from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Run, RunWriter, signals
from unstuck.record.facts import (
    Fact,
    Loss,
    LossOutput,
    LossTarget,
    MisplacedOptimizer,
    Model,
    Optimizer,
    Parameter,
    Ran,
    Span,
    UnoptimizedParameter,
    UnoptimizedParameters,
)
from unstuck.rules.mechanics.parameters_not_optimized import ParametersNotOptimized
from unstuck.testing.rules import RuleContract, outcome, record

HEAD = Parameter(name="head.weight", shape=(10, 24), role="weight")
BODY = UnoptimizedParameter(name="layers[0].weight", shape=(24, 64), fresh=True)


def run_with(
    folder: Path,
    *more: Fact,
    end: float = 1.5,
    parameters: Sequence[Parameter] = (HEAD,),
    ratio: float = 1e-2,
) -> Run:
    losses = end + (2.3 - end) * np.exp(-np.linspace(0, 6, 60))
    facts = [Model(type="Net", parameters=tuple(parameters)), *more]
    tables = {signals.UPDATE_RATIO: {"head.weight": [ratio] * 60}}
    return record(folder, series={signals.LOSS: losses}, tables=tables, facts=facts)


def walks(
    *unchanged: UnoptimizedParameter, held: int = 2, unused: tuple[tuple[int, ...], ...] = ()
) -> list[UnoptimizedParameters]:
    return [
        UnoptimizedParameters(step=step, since=0, unchanged=unchanged, reached=4, held=held, unused=unused)
        for step in (0, 1, 8)
    ]


class TestParametersNotOptimized(RuleContract):
    rule = ParametersNotOptimized()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", *walks(BODY))

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", *walks())


def test_an_optimizer_of_another_model_is_an_error(tmp_path: Path) -> None:
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(BODY, held=0)))
    assert (finding.severity, finding.confidence) == ("error", 0.97)


def test_a_pretrained_part_may_stay_out(tmp_path: Path) -> None:
    backbone = (
        UnoptimizedParameter(name="body.weight", shape=(99, 99), fresh=False),
        UnoptimizedParameter(name="body.bias", shape=(99,)),
    )
    assert outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(*backbone))) == []


ENCODER = (
    UnoptimizedParameter(name="encoder.0.weight", shape=(99, 64), fresh=False),
    UnoptimizedParameter(name="encoder.2.bias", shape=(99,)),
)


@pytest.mark.parametrize(("end", "severity"), [(1.5, "error"), (0.1, "warning")])
def test_a_pretrained_part_that_took_the_place_of_another_is_named(tmp_path: Path, end: float, severity: str) -> None:
    run = run_with(tmp_path, *walks(*ENCODER, unused=((99, 64), (99,))), end=end)
    (finding,) = outcome(ParametersNotOptimized(), run)
    assert finding.summary.startswith("encoder was exchanged after the optimizer was made: it holds 2 tensors")
    assert finding.severity == severity


def test_a_table_that_was_resized_has_the_shape_of_the_old_one_but_for_an_axis(tmp_path: Path) -> None:
    table = UnoptimizedParameter(name="tokens.weight", shape=(32, 48), fresh=True)
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(table, unused=((20, 48),))))
    assert finding.summary.startswith("tokens was exchanged")


def test_several_parts_are_named_each(tmp_path: Path) -> None:
    table = UnoptimizedParameter(name="tokens.weight", shape=(32, 48))
    loose = UnoptimizedParameter(name="scale", shape=(3, 3))
    run = run_with(tmp_path, *walks(table, loose, unused=((20, 48), (3, 3))))
    (finding,) = outcome(ParametersNotOptimized(), run)
    assert finding.summary.startswith("tokens, scale were exchanged")


def test_tensors_of_other_shapes_that_no_loss_leads_to_are_no_place(tmp_path: Path) -> None:
    assert outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(*ENCODER, unused=((7, 5), (99,))))) == []


def test_what_is_thawed_and_in_no_optimizer_is_named(tmp_path: Path) -> None:
    frozen = tuple(Parameter(name=s.name, shape=s.shape, trainable=False, optimized=False) for s in ENCODER)
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(*ENCODER), parameters=(*frozen, HEAD)))
    assert finding.summary.startswith("encoder was thawed (requires_grad=True) and not handed to the optimizer: 6,435")


def test_random_features_that_do_well_are_a_note(tmp_path: Path) -> None:
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(BODY), end=0.1))
    assert finding.severity == "note"


def test_a_head_that_is_left_out_is_a_fault_however_well_the_others_do(tmp_path: Path) -> None:
    head = UnoptimizedParameter(name="head.weight", shape=(10, 24), fresh=True)
    scores = LossOutput(shape=(32, 10))
    loss = Loss(function="cross_entropy", output=scores, target=LossTarget(shape=(32,), type="class"))
    body = Parameter(name="body.weight", shape=(24, 64), role="weight")
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(head), loss, end=0.1, parameters=(body,)))
    assert (finding.severity, finding.confidence) == ("warning", 0.92)


def test_one_loss_is_not_enough_to_tell_what_never_changes(tmp_path: Path) -> None:
    assert outcome(ParametersNotOptimized(), run_with(tmp_path, walks(BODY)[0])) == []


FROZEN = Parameter(name="body.weight", shape=(99, 99), role="weight", trainable=False, optimized=False, fresh=True)


def test_frozen_random_layers_that_learn_nothing(tmp_path: Path) -> None:
    ran = Ran(step=0, layers=("body", "head"))
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, ran, end=2.3, parameters=(FROZEN, HEAD)))
    assert finding.severity == "warning"
    assert finding.where.parameter == "body.weight"


def test_layers_that_are_thawed_later_are_not_frozen(tmp_path: Path) -> None:
    facts = (Model(type="Net", parameters=(FROZEN, HEAD)), Ran(step=0, layers=("body", "head")))
    norms = {"body.weight": [float("nan")] * 10 + [0.5] * 10, "head.weight": [0.5] * 20}
    with record(
        tmp_path,
        series={signals.LOSS: [2.3] * 20},
        facts=facts,
        tables={signals.GRADIENT_NORM: norms, signals.UPDATE_RATIO: {"head.weight": [1e-2] * 20}},
    ) as run:
        assert outcome(ParametersNotOptimized(), run) == []


def test_a_frozen_teacher_that_does_not_run_is_silent(tmp_path: Path) -> None:
    ran = Ran(step=0, layers=("head",))
    assert outcome(ParametersNotOptimized(), run_with(tmp_path, ran, end=2.3, parameters=(FROZEN, HEAD))) == []


@pytest.mark.parametrize(("ratio", "severity"), [(1e-2, "warning"), (1e-7, "note")])
def test_frozen_layers_are_not_blamed_while_the_others_stand_still(tmp_path: Path, ratio: float, severity: str) -> None:
    ran, parameters = Ran(step=0, layers=("body", "head")), (FROZEN, HEAD)
    found = outcome(ParametersNotOptimized(), run_with(tmp_path, ran, end=2.3, parameters=parameters, ratio=ratio))
    assert [finding.severity for finding in found] == [severity]


@pytest.mark.parametrize(
    ("learnt", "adapted", "severity"),
    [(True, False, "warning"), (False, False, None), (True, True, None)],
)
def test_a_fresh_head_that_is_frozen_on_weights_that_were_trained(
    tmp_path: Path, learnt: bool, adapted: bool, severity: str | None
) -> None:
    head = Parameter(name="head.weight", shape=(10, 24), role="weight", fresh=True, trainable=False, optimized=False)
    body = Parameter(name="body.weight", shape=(64, 64), role="weight", fresh=not learnt)
    adapter = Parameter(name="head.up", shape=(10, 4), role="weight")
    loss = Loss(
        function="cross_entropy",
        output=LossOutput(shape=(32, 10)),
        target=LossTarget(shape=(32,), type="class"),
    )
    parameters = (body, head, adapter) if adapted else (body, head)
    run = run_with(tmp_path, Ran(step=0, layers=("body", "head")), loss, end=0.05, parameters=parameters)
    assert [one.severity for one in outcome(ParametersNotOptimized(), run)] == ([] if severity is None else [severity])


@pytest.mark.parametrize(("zero", "learnt", "found"), [(True, True, 1), (False, True, 0), (True, False, 0)])
def test_adapters_that_are_zero_and_frozen_do_nothing(tmp_path: Path, *, zero: bool, learnt: bool, found: int) -> None:
    body = Parameter(name="body.weight", shape=(64, 64), role="weight", fresh=not learnt)
    up = Parameter(name="adapter.up.weight", shape=(64, 4), role="weight", trainable=False, optimized=False, zero=zero)
    run = run_with(tmp_path, Ran(step=0, layers=("body", "adapter.up")), end=0.05, parameters=(body, up))
    findings = outcome(ParametersNotOptimized(), run)
    assert [one.severity for one in findings] == ["warning"] * found
    assert all("zero and frozen" in one.summary for one in findings)


@pytest.mark.parametrize(
    ("fresh", "steps", "began", "compared", "found"),
    [
        (True, (0, 1, 2), 0.5, False, 1),
        (False, (0, 1, 2), 0.5, False, 0),
        (True, (0, 1), 0.5, False, 0),
        (True, (0, 1, 2), 5.0, False, 0),
        (True, (0, 1, 2), 0.5, True, 0),
    ],
    ids=["at once", "learnt", "seen twice", "in turn", "compared"],
)
def test_an_optimizer_that_was_given_the_network_of_another_one(
    tmp_path: Path, *, fresh: bool, steps: Sequence[int], began: float, compared: bool, found: int
) -> None:
    actor = UnoptimizedParameter(name="actor.0.weight", shape=(24, 64), fresh=fresh)
    with RunWriter(tmp_path) as writer:
        for stream, start in enumerate((began, 0.0)):
            writer.add_series(signals.LOSS, range(60), np.linspace(2.3, 1.5, 60).tolist(), stream=stream)
            writer.state(Model(type="Net", parameters=(HEAD,)), stream=stream)
            writer.state(Optimizer(type="Adam", number=7 - stream), stream=stream)
            writer.state(Span(began=start, ended=start + 5.0, thread=1), stream=stream)
        for step in steps:
            writer.state(MisplacedOptimizer(step=step, since=0, unchanged=(actor,), others=(6,)))
        writer.state(UnoptimizedParameters(step=0, since=0, compared=compared))
    with Run.open(tmp_path) as run:
        findings = outcome(ParametersNotOptimized(), run)
    assert [one.severity for one in findings] == ["error"] * found
    assert all("actor.0.weight" in one.summary for one in findings)


def test_what_was_exchanged_is_named_before_whose_network_the_optimizer_holds(tmp_path: Path) -> None:
    looks = [MisplacedOptimizer(step=step, since=0, unchanged=(BODY,), others=(6,)) for step in (0, 1, 8)]
    facts = (*looks, Optimizer(type="Adam", number=6), *walks(BODY, unused=((24, 64),)))
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *facts))
    assert "exchanged" in finding.summary


def test_a_network_whose_features_are_compared_is_no_head(tmp_path: Path) -> None:
    features = UnoptimizedParameter(name="", shape=(10, 24), fresh=True)
    loss = Loss(function="mse_loss", output=LossOutput(shape=(32, 10)), target=LossTarget(shape=(32, 10), type="real"))
    compared = [replace(walk, compared=True) for walk in walks(features)]
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *compared, loss, end=0.1))
    assert finding.severity == "note"


def test_a_part_whose_name_is_a_number_is_called_a_layer(tmp_path: Path) -> None:
    parts = [UnoptimizedParameter(name=f"0.{n}.weight", shape=(24, 64), fresh=False) for n in (1, 3)]
    frozen = tuple(Parameter(name=s.name, shape=s.shape, trainable=False, optimized=False) for s in parts)
    (finding,) = outcome(ParametersNotOptimized(), run_with(tmp_path, *walks(*parts), parameters=(*frozen, HEAD)))
    assert finding.summary.startswith("layer 0 was thawed")
