from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import NotEvaluated, Run
from unstuck.record.facts import AttentionCall, Layer, Model, UnfollowedSequence
from unstuck.rules.data.answer_unmasked import AnswerUnmasked
from unstuck.testing.rules import RuleContract, outcome, record

OPEN: dict[str, Any] = {"before": 1.0, "behind": 1.0, "next": 1.0}
CAUSAL: dict[str, Any] = {"before": 1.0, "behind": 0.0, "next": 0.0, "by_query": True}
PREFIX: dict[str, Any] = {"before": 1.0, "behind": 0.3, "next": 0.3, "by_query": True}


def run_of(folder: Path, *calls: dict[str, Any], layers: tuple[str, ...] = ("Linear",), **known: Any) -> Run:
    usual: dict[str, Any] = {"step": 0, "length": 32, "offset": 1, "positions": 900}
    attentions = [
        AttentionCall(**{"function": "softmax", "queries": 32, "keys": 32, "where": f"b.{at}"} | call)
        for at, call in enumerate(calls)
    ]
    model = Model(type="GPT", layers=tuple(Layer(path=str(at), type=kind) for at, kind in enumerate(layers)))
    return record(folder, facts=[model, UnfollowedSequence(**{**usual, **known}), *attentions])


class TestContract(RuleContract):
    rule = AnswerUnmasked()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", OPEN, OPEN)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy", CAUSAL, CAUSAL)


@pytest.mark.parametrize(
    "call",
    [OPEN, {**OPEN, "behind": 0.1, "by_query": True}, {**OPEN, "next": 0.9}],
    ids=["no mask", "a position too wide", "a weight near zero"],
)
def test_an_answer_that_all_attentions_look_at_is_found(tmp_path: Path, call: dict[str, Any]) -> None:
    (finding,) = outcome(AnswerUnmasked(), run_of(tmp_path, call))
    assert finding.where.module == "b.0"


@pytest.mark.parametrize(
    "calls",
    [(OPEN, CAUSAL), (PREFIX,), ({**OPEN, "next": 0.97, "by_query": True},)],
    ids=["one is causal", "a prefix", "a long prefix"],
)
def test_what_one_attention_hides_is_left_alone(tmp_path: Path, calls: tuple[dict[str, Any], ...]) -> None:
    assert not outcome(AnswerUnmasked(), run_of(tmp_path, *calls))


@pytest.mark.parametrize(
    "known",
    [
        {"offset": 0},
        {"offset": None},
        {"positions": 63},
        {"sequences": 2},
        {"length": 31},
        {"layers": ("Linear", "GRU")},
    ],
)
def test_where_attention_may_not_be_what_predicts_nothing_is_said(tmp_path: Path, known: dict[str, Any]) -> None:
    (left,) = AnswerUnmasked().check(run_of(tmp_path, OPEN, **known))
    assert isinstance(left, NotEvaluated)
