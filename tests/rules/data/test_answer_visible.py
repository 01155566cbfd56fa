from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import AttentionCall, Fact, Layer, Model, ScoredPositions, SequenceReach
from unstuck.rules.data.answer_visible import AnswerVisible
from unstuck.testing.rules import RuleContract, outcome, record


def reach(**known: Any) -> SequenceReach:
    usual: dict[str, Any] = {"step": 0, "length": 32, "offset": 1, "positions": 992, "earlier": 0.7, "own": 0.6}
    return SequenceReach(**{**usual, "file": "train.py", "line": 7, **known})


AHEAD: dict[str, Any] = {"answer": 0.1, "later": 0.4, "direct": 0.4}
ITSELF: dict[str, Any] = {"offset": 0, "own": 0.9, "earlier": 0.2, "direct": 0.9}
ATTENTION = AttentionCall(function="scaled_dot_product_attention", queries=32, keys=32, before=1.0, behind=1.0)


def run_of(folder: Path, *others: Fact, **known: Any) -> Run:
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[reach(**known), *others])


def model(kind: str) -> Model:
    return Model(type="Net", layers=(Layer(path="layer", type=kind),))


class TestContract(RuleContract):
    rule = AnswerVisible()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", **AHEAD)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy")


@pytest.mark.parametrize(
    ("known", "others", "words"),
    [
        (AHEAD, [ATTENTION], "is_causal=True"),
        ({**AHEAD, "later": 0.1}, [ATTENTION], "a position too wide"),
        (AHEAD, [model("LSTM")], "bidirectional=False"),
        (AHEAD, [model("Conv1d")], "pad (kernel_size - 1)"),
        (AHEAD, [], "mask them in every layer"),
        ({**AHEAD, "statistics": True, "answer": 0.2}, [], "mask them"),
        (ITSELF, [], "Shift the targets once"),
        ({**ITSELF, "sequences": 3}, [], "as of the state"),
        (
            {**ITSELF, "later": 0.3},
            [ScoredPositions(targets=320, scored=0.15, padding=0.0, scored_padding=0.0, scored_real=0.15)],
            "by the id of a mask",
        ),
    ],
    ids=["attention", "wide", "recurrent", "convolution", "other", "norm", "itself", "interleaved", "masked"],
)
def test_each_way_to_see_the_answer_has_its_remedy(
    tmp_path: Path, known: dict[str, Any], others: list[Fact], words: str
) -> None:
    (finding,) = outcome(AnswerVisible(), run_of(tmp_path, *others, **known))
    assert finding.cause == "answer-visible"
    assert words in finding.advice


def test_the_attention_to_the_sequence_of_the_answer_is_named(tmp_path: Path) -> None:
    encoder, decoder = (replace(ATTENTION, where=where) for where in ("encoder", "decoder"))
    (finding,) = outcome(AnswerVisible(), run_of(tmp_path / "a", encoder, decoder, attended=("decoder",), **AHEAD))
    assert finding.where.module == "decoder"
    (finding,) = outcome(AnswerVisible(), run_of(tmp_path / "b", encoder, attended=("decoder",), **AHEAD))
    assert finding.where.module is None


def test_an_inverted_mask_is_one(tmp_path: Path) -> None:
    (finding,) = outcome(AnswerVisible(), run_of(tmp_path, ATTENTION, **{**AHEAD, "earlier": 0.0}))
    assert finding.cause == "mask-wrong"
    assert "Invert the mask" in finding.advice


@pytest.mark.parametrize(
    "known",
    [
        {"answer": 1e-6, "later": 1e-6, "direct": 1e-6},
        {**AHEAD, "direct": 0.0},
        {**AHEAD, "statistics": True, "answer": 0.05},
        {**ITSELF, "own": 0.3},
        {**ITSELF, "direct": 0.0},
        {**ITSELF, "sequences": 2, "answers": 2},
    ],
    ids=["rounding", "one vector", "norm", "sums up", "through a code", "two sequences"],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(AnswerVisible(), run_of(tmp_path, **known))


@pytest.mark.parametrize("known", [{"offset": None}, {"positions": 40, **AHEAD}])
def test_too_little_is_known(tmp_path: Path, known: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="not evaluated"):
        outcome(AnswerVisible(), run_of(tmp_path, **known))


CAUSAL = AttentionCall(function="multi_head_attention_forward", queries=32, keys=32, before=1.0, behind=0.0)


@pytest.mark.parametrize(
    ("others", "known", "found"),
    [([CAUSAL], {}, 1), ([], {}, 0), ([ATTENTION], {"later": 0.3}, 0), ([CAUSAL], {"answer": 0.0}, 0)],
    ids=["causal", "recurrent", "both directions", "not seen"],
)
def test_a_causal_model_that_is_asked_for_what_it_has_seen(
    tmp_path: Path, others: list[Fact], known: dict[str, Any], found: int
) -> None:
    findings = outcome(AnswerVisible(), run_of(tmp_path, *others, **{"offset": -1, "answer": 0.5, **known}))
    assert len(findings) == found
    assert all("at t - 1" in one.summary for one in findings)
