from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unstuck.record import NotEvaluated, Run, signals
from unstuck.record.facts import Inputs, Layer, Model, Parameter
from unstuck.rules import judge
from unstuck.rules.data.inputs_not_scaled import InputsNotScaled
from unstuck.testing.rules import RuleContract, outcome, record

Train = Callable[..., Run]
MODEL = Model(
    type="Net",
    layers=(Layer(path="0", type="Linear"), Layer(path="1", type="ReLU")),
    parameters=(Parameter(name="0.weight", shape=(4, 4), role="weight"),),
)


class TestContract(RuleContract):
    rule = InputsNotScaled()

    @pytest.fixture
    def sick(self, train: Train, samples: Any) -> Run:
        return train(sample=samples.raw_pixels, method="sgd", rate=0.1)

    @pytest.fixture
    def healthy(self, train: Train, samples: Any) -> Run:
        return train(sample=samples.digits, method="sgd", rate=0.1)


def test_raw_columns_are_the_root_of_what_follows(train: Train, samples: Any) -> None:
    first = judge(train(sample=samples.raw_breast_cancer, method="sgd", rate=0.01)).findings[0]
    assert (first.code, first.severity) == ("D101", "error")
    assert {"O201", "I101"} <= {symptom.code for symptom in first.symptoms}
    assert judge(train(sample=samples.breast_cancer, method="sgd", rate=0.01, epochs=20)).findings == ()


def test_raw_inputs_that_do_no_harm_are_a_note(train: Train, samples: Any) -> None:
    verdict = judge(train(sample=samples.raw_pixels))
    assert verdict.kind == "healthy"
    assert [(f.code, f.severity) for f in verdict.findings] == [("D101", "note")]


def features(
    folder: Path, x: np.ndarray, *, first: float | None = None, model: Model = MODEL, kind: str = "table"
) -> Run:
    columns = x.reshape(len(x), -1)
    inputs = Inputs(
        shape=x.shape, kind_of=kind, examples=len(x), minimum=float(x.min()), maximum=float(x.max()),  # type: ignore[arg-type]
        feature_means=tuple(columns.mean(0)), feature_stds=tuple(columns.std(0)),
    )  # fmt: skip
    tables = {} if first is None else {signals.ACTIVATION_STD: {"0": [first] * 20, "1": [first] * 20}}
    return record(folder, series={signals.LOSS: [1.0] * 20}, facts=[inputs, model], tables=tables)


rng = np.random.default_rng(0)
healthy_inputs = {
    "standardised": rng.normal(size=(500, 20)),
    "images in [0, 1]": rng.uniform(size=(500, 64)),
    "sparse images": rng.uniform(size=(500, 64)) * (rng.random((500, 64)) < 0.1),
    "rare binary columns": (rng.random((2000, 300)) < rng.uniform(0.001, 0.5, 300)).astype(float),
    "bag of words": rng.poisson(rng.gamma(0.3, 0.5, 200), (500, 200)).astype(float),
    "standardised rare columns": (lambda b: (b - b.mean(0)) / b.std(0))((rng.random((500, 20)) < 0.03) * 1.0),
    "heavy tails": rng.standard_t(3, size=(500, 20)),
    "a constant column of ones": np.column_stack([np.ones(500), rng.normal(size=500)]),
    "a constant column of zeros": np.column_stack([np.zeros(500), rng.normal(size=500)]),
    "x in [0, 5]": rng.uniform(0, 5, (500, 1)),
    "pixels in [-1, 1]": rng.uniform(-1, 1, (500, 3)),
    "imagenet channels": rng.normal(0.4, 1.2, (500, 3)),
}
sick_inputs = {
    "raw pixels": rng.integers(0, 256, (500, 64)).astype(float),
    "thousands": rng.normal(3000, 500, (500, 4)),
    "one huge column": np.column_stack([rng.normal(size=(500, 5)), rng.lognormal(10, 1, 500)]),
    "scaled twice": rng.uniform(size=(500, 64)) / 255,
    "years": rng.normal(2000, 8, (500, 1)),
    "offset": rng.normal(8, 0.2, (500, 3)),
}


@pytest.mark.parametrize("name", healthy_inputs)
def test_inputs_as_they_should_be_are_silent(tmp_path: Path, name: str) -> None:
    with features(tmp_path / "a", healthy_inputs[name]) as run:
        assert outcome(InputsNotScaled(), run) == []


@pytest.mark.parametrize("name", sick_inputs)
def test_inputs_off_scale_fire(tmp_path: Path, name: str) -> None:
    with features(tmp_path / "a", sick_inputs[name]) as run:
        (finding,) = outcome(InputsNotScaled(), run)
    assert finding.cause == "inputs-not-scaled"


@pytest.mark.parametrize(("name", "fires"), [("raw pixels", False), ("offset", False), ("one huge column", True)])
def test_a_normalisation_behind_the_first_layer_takes_a_common_size_away(
    tmp_path: Path, name: str, fires: bool
) -> None:
    layers = (*MODEL.layers[:1], Layer(path="1", type="BatchNorm1d"), Layer(path="2", type="ReLU"))
    model = Model(type="Net", layers=layers, parameters=MODEL.parameters)
    with features(tmp_path / "a", sick_inputs[name], model=model) as run:
        assert len(outcome(InputsNotScaled(), run)) == fires


def test_a_model_that_scales_its_inputs_is_silent(tmp_path: Path) -> None:
    raw = sick_inputs["raw pixels"]
    with features(tmp_path / "a", raw, first=60.0) as run:
        assert len(outcome(InputsNotScaled(), run)) == 1
    with features(tmp_path / "b", raw, first=0.6) as run:
        assert outcome(InputsNotScaled(), run) == []
    normal = Model(
        type="Net", layers=(Layer(path="0", type="BatchNorm2d"), *MODEL.layers[1:]), parameters=MODEL.parameters
    )
    with features(tmp_path / "c", raw, model=normal) as run:
        assert outcome(InputsNotScaled(), run) == []


def test_ids_have_no_scale(tmp_path: Path) -> None:
    with features(tmp_path / "a", sick_inputs["thousands"], kind="ids") as run:
        (entry,) = InputsNotScaled().apply(run)
    assert isinstance(entry, NotEvaluated)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(x=arrays(np.float64, (30, 5), elements=st.floats(-4, 4)))
def test_no_data_of_moderate_size_and_some_spread_fire(tmp_path_factory: pytest.TempPathFactory, x: np.ndarray) -> None:
    x = x + rng.normal(size=x.shape)
    with features(tmp_path_factory.mktemp("run"), x) as run:
        assert outcome(InputsNotScaled(), run) == []


def test_a_first_layer_with_a_bound_tells_nothing_of_its_inputs(tmp_path: Path) -> None:
    raw = rng.normal(1e4, 100.0, size=(500, 4))
    recurrent = Model(type="Net", layers=(Layer(path="0", type="LSTM"),), parameters=MODEL.parameters)
    assert outcome(InputsNotScaled(), features(tmp_path / "a", raw, first=0.7)) == []
    (finding,) = outcome(InputsNotScaled(), features(tmp_path / "b", raw, first=0.7, model=recurrent))
    assert finding.severity == "error"


@pytest.mark.parametrize(
    ("size", "first", "found"), [(577.0, 198.0, True), (0.58, 0.7, False), (577.0, 0.9, False), (50.0, 17.0, False)]
)
def test_an_input_that_is_joined_to_the_others(tmp_path: Path, size: float, first: float, found: bool) -> None:
    inputs = Inputs(
        shape=(64, 2), kind_of="table", examples=640, minimum=-3.0, maximum=3.0,
        feature_means=(0.0, 0.0), feature_stds=(1.0, 1.0), joined_means=(0.0, 0.0, 0.0), joined_stds=(1.0, 1.0, size),
    )  # fmt: skip
    series, tables = {signals.LOSS: [1.0] * 20}, {signals.ACTIVATION_STD: {"0": [first] * 20, "1": [first] * 20}}
    findings = outcome(InputsNotScaled(), record(tmp_path, series=series, tables=tables, facts=[MODEL, inputs]))
    assert [finding.summary.startswith("as they are joined") for finding in findings] == [True] * found
