from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import (
    Detachment,
    Fact,
    Graph,
    Loss,
    LossTarget,
    LostBranch,
    LostCheckpoint,
    Model,
    NonDifferentiableSample,
    Parameter,
    Ran,
    VisibleTarget,
)
from unstuck.rules.gradient.graph_detached import GraphDetached
from unstuck.testing.rules import RuleContract, outcome, record

BODY = Parameter(name="body.weight", shape=(64, 64), role="weight", fresh=True)
HEAD = Parameter(name="head.weight", shape=(10, 64), role="weight", fresh=True)


def graphs(reached: tuple[str, ...], unreached: tuple[str, ...]) -> list[Graph]:
    return [Graph(step=s, reached=reached, unreached=unreached, file="train.py", line=9) for s in (0, 1, 2)]


CUT = graphs(("head.weight",), ("body.weight",))


def run_with(
    folder: Path, *facts: Fact, end: float = 1.5, order: tuple[str, ...] = ("body", "head"), body: Parameter = BODY
) -> Run:
    losses = end + (2.3 - end) * np.exp(-np.linspace(0, 6, 60))
    model = Model(type="Net", parameters=(body, HEAD))
    return record(folder, series={signals.LOSS: losses}, facts=[model, Ran(step=0, layers=order), *facts])


class TestGraphDetached(RuleContract):
    rule = GraphDetached()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", *CUT)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", *graphs(("body.weight", "head.weight"), ()))


def test_a_loss_that_reaches_nothing_is_an_error(tmp_path: Path) -> None:
    (finding,) = outcome(GraphDetached(), run_with(tmp_path, *graphs((), ("body.weight", "head.weight"))))
    assert finding.severity == "error"


def test_a_head_that_is_not_used_is_a_note(tmp_path: Path) -> None:
    (finding,) = outcome(GraphDetached(), run_with(tmp_path, *CUT, order=("head", "body")))
    assert finding.severity == "note"


def test_layers_that_do_not_run_are_passed_over(tmp_path: Path) -> None:
    assert outcome(GraphDetached(), run_with(tmp_path, *CUT, order=("head",))) == []


def test_what_is_skipped_by_chance_is_passed_over(tmp_path: Path) -> None:
    sometimes = Graph(step=4, reached=("body.weight", "head.weight"))
    assert outcome(GraphDetached(), run_with(tmp_path, *CUT, sometimes)) == []


def test_a_pretrained_backbone_under_no_grad_is_silent(tmp_path: Path) -> None:
    learnt = Parameter(name="body.weight", shape=(64, 64), role="weight", fresh=False)
    assert outcome(GraphDetached(), run_with(tmp_path, *CUT, body=learnt)) == []


def test_good_learning_makes_it_a_note(tmp_path: Path) -> None:
    (finding,) = outcome(GraphDetached(), run_with(tmp_path, *CUT, end=0.05))
    assert finding.severity == "note"


def test_no_grad_is_named_where_it_is_the_cut(tmp_path: Path) -> None:
    bare = Ran(step=1, layers=("body", "head"), without_gradient=("body",))
    (finding,) = outcome(GraphDetached(), run_with(tmp_path, *CUT, bare))
    assert "no_grad" in finding.advice


def test_values_drawn_without_a_gradient(tmp_path: Path) -> None:
    reached = graphs(("body.weight", "head.weight"), ())
    draw = NonDifferentiableSample(where="head", file="vae.py", line=7)
    (finding,) = outcome(GraphDetached(), run_with(tmp_path / "a", *reached, draw))
    assert (finding.severity, str(finding.where)) == ("error", "head, vae.py:7")
    (finding,) = outcome(GraphDetached(), run_with(tmp_path / "b", *reached, draw, end=0.01))
    assert finding.severity == "note"


def test_a_recurrence_that_is_fed_its_own_state_detached(tmp_path: Path) -> None:
    reached = graphs(("body.weight", "head.weight"), ())
    cut = Detachment(where="body", calls=12, cut=11, file="rnn.py", line=9)
    (finding,) = outcome(GraphDetached(), run_with(tmp_path / "a", *reached, cut))
    assert (finding.severity, str(finding.where)) == ("warning", "body, rnn.py:9")
    (finding,) = outcome(GraphDetached(), run_with(tmp_path / "nothing", *reached, cut, end=2.3))
    assert finding.severity == "error"
    truncated = Detachment(where="body", calls=12, cut=2, file="rnn.py", line=9)
    assert outcome(GraphDetached(), run_with(tmp_path / "b", *reached, truncated)) == []
    assert outcome(GraphDetached(), run_with(tmp_path / "c", *reached, cut, end=0.01)) == []


TRAINED = Parameter(name="body.weight", shape=(64, 64), role="weight", fresh=False)
LOST = LostCheckpoint(step=1, calls=1, file="net.py", line=41)


@pytest.mark.parametrize(("bare", "lost", "found"), [(("body",), (LOST,), 1), (("body",), (), 0), ((), (LOST,), 0)])
def test_a_reentrant_checkpoint_behind_frozen_embeddings(
    tmp_path: Path, bare: tuple[str, ...], lost: tuple[LostCheckpoint, ...], found: int
) -> None:
    ran = Ran(step=1, layers=("body", "head"), without_gradient=bare)
    findings = outcome(GraphDetached(), run_with(tmp_path, *CUT, ran, *lost, body=TRAINED))
    assert len(findings) == found
    assert all("use_reentrant=False" in one.advice and one.where.line == 41 for one in findings)


def test_the_function_that_cuts_is_named_with_its_line(tmp_path: Path) -> None:
    branch = LostBranch(where="body", cut_by="argmax", file="model.py", line=3)
    (finding,) = outcome(GraphDetached(), run_with(tmp_path, *CUT, branch))
    assert "argmax passes none on" in finding.summary
    assert (finding.where.file, finding.where.line) == ("model.py", 3)


def test_what_nobody_uses_is_not_cut_off(tmp_path: Path) -> None:
    assert outcome(GraphDetached(), run_with(tmp_path, *CUT, LostBranch(where="body", given_to="head"))) == []


def test_a_pretrained_backbone_that_does_not_do_is_needed(tmp_path: Path) -> None:
    bare = Ran(step=1, layers=("body", "head"), without_gradient=("body",))
    (finding,) = outcome(GraphDetached(), run_with(tmp_path, *CUT, bare, body=TRAINED, end=2.3))
    assert finding.severity == "error"
    assert "no_grad" in finding.summary


@pytest.mark.parametrize(
    ("known", "end", "found"),
    [
        ({"chosen": True}, 0.1, 1),
        ({"chosen": True, "cut": 2}, 0.1, 0),
        ({"how": "last", "chosen": True}, 0.1, 0),
        ({}, 1.0, 1),
        ({}, 0.1, 0),
    ],
    ids=["a code book", "not always", "no autoencoder", "nothing learnt", "learnt on purpose behind a detach"],
)
def test_an_error_that_does_not_reach_the_encoder(
    tmp_path: Path, known: dict[str, Any], end: float, found: int
) -> None:
    usual: dict[str, Any] = {"looked": 4, "equal": 4, "how": "whole", "cut": 4, "file": "vae.py", "line": 5}
    loss = Loss(function="mse_loss", target=LossTarget(type="real", mean=0.0, variance=1.0))
    seen = (loss, VisibleTarget(**{**usual, **known}), *graphs(("body.weight", "head.weight"), ()))
    findings = outcome(GraphDetached(), run_with(tmp_path, *seen, end=end))
    assert len(findings) == found
