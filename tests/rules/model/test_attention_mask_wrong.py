from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import AttentionCall
from unstuck.rules.model.attention_mask_wrong import AttentionMaskWrong
from unstuck.testing.rules import RuleContract, outcome, record


def run_of(folder: Path, **known: Any) -> Run:
    usual: dict[str, Any] = {"function": "scaled_dot_product_attention", "queries": 32, "keys": 32, "mask": "bool"}
    usual |= {"padding": 0.5, "on_padding": 0.0, "on_real": 1.0, "file": "train.py", "line": 7}
    return record(folder, series={signals.LOSS: [1.0] * 50}, facts=[AttentionCall(**{**usual, **known})])


class TestContract(RuleContract):
    rule = AttentionMaskWrong()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "sick", on_padding=1.0, on_real=0.0)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_of(tmp_path / "healthy")


@pytest.mark.parametrize(
    ("known", "words", "advice"),
    [
        ({"on_padding": 1.0, "on_real": 0.0}, "inverted", "at which a boolean mask is True"),
        ({"on_padding": 1.0, "mask": "float", "zero_one": True}, "zeros and ones", "mask.bool()"),
        ({"on_padding": 1.0}, "leaves padding in", "Mask padding"),
        ({"on_padding": 1.0, "mask": "none"}, "has no mask", "Mask padding"),
        ({"on_padding": 1.0, "function": "softmax"}, "leaves padding in", "before the softmax"),
        ({"on_padding": 1.0, "function": "multi_head_attention_forward"}, "leaves padding in", "key_padding_mask"),
    ],
)
def test_each_fault_is_named_with_its_convention(
    tmp_path: Path, known: dict[str, Any], words: str, advice: str
) -> None:
    (finding,) = outcome(AttentionMaskWrong(), run_of(tmp_path, **known))
    assert (finding.cause, finding.where.line) == ("mask-wrong", 7)
    assert words in finding.summary
    assert advice in finding.advice


@pytest.mark.parametrize("known", [{"on_padding": 0.5}, {"on_padding": 1.0, "padding": 0.1}])
def test_what_does_little_harm_is_left_alone(tmp_path: Path, known: dict[str, Any]) -> None:
    assert not outcome(AttentionMaskWrong(), run_of(tmp_path, **known))


def test_without_padding_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no padding was recognised"):
        outcome(AttentionMaskWrong(), run_of(tmp_path, padding=None, on_padding=None))
