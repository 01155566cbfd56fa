from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.learning.game import IN_A_GAME, beside_another, in_a_game
from unstuck.record import NotEvaluated, Run, RunWriter, signals
from unstuck.record.facts import Graph, Optimizer, Span
from unstuck.rules import Rule
from unstuck.rules.data.labels_mismatched import LabelsMismatched
from unstuck.rules.data.not_shuffled import NotShuffled
from unstuck.testing.rules import record

AT_ONCE = (Span(began=0.0, ended=5.0, thread=1), Span(began=0.1, ended=5.1, thread=1))
IN_TURN = (Span(began=0.0, ended=5.0, thread=1), Span(began=5.0, ended=9.0, thread=1))


def trained(
    folder: Path,
    spans: tuple[Span | None, ...] = AT_ONCE,
    *,
    through: tuple[bool | None, ...] = (False, True),
    losses: tuple[float, ...] = (1.0, 2.0),
) -> Run:
    with RunWriter(folder) as writer:
        for stream, (span, reaches, loss) in enumerate(zip(spans, through, losses, strict=True)):
            writer.add_series(signals.LOSS, range(40), [loss] * 40, stream=stream)
            writer.state(Graph(step=0, through_others=reaches), stream=stream)
            if span is not None:
                writer.state(span, stream=stream)
    return Run.open(folder)


def games(run: Run) -> list[bool]:
    return [in_a_game(training) for training in run.snapshot().streams()]


def test_a_loss_that_leads_through_the_other_model_makes_a_game_of_both(tmp_path: Path) -> None:
    with trained(tmp_path / "a") as run:
        assert games(run) == [True, True]
    with trained(tmp_path / "b", through=(None, None)) as run:
        assert games(run) == [True, True]


def test_independent_models_trained_in_alternation_play_no_game(tmp_path: Path) -> None:
    with trained(tmp_path, through=(False, False)) as run:
        assert games(run) == [False, False]


def test_trainings_one_after_the_other_play_no_game_whatever_they_lead_through(tmp_path: Path) -> None:
    with trained(tmp_path, IN_TURN) as run:
        assert games(run) == [False, False]


def test_optimizers_that_share_a_loss_play_no_game(tmp_path: Path) -> None:
    with trained(tmp_path, through=(True, True), losses=(1.0, 1.0)) as run:
        assert games(run) == [False, False]


def test_who_was_cut_off_came_after_what_had_ended(tmp_path: Path) -> None:
    with trained(tmp_path / "search", (AT_ONCE[0], None)) as run:
        assert games(run) == [False, False]
    with trained(tmp_path / "gan", (None, None)) as run:
        assert games(run) == [True, True]


def test_a_third_model_beside_a_game_is_not_in_it_unless_its_loss_may_be(tmp_path: Path) -> None:
    third = Span(began=6.0, ended=7.0, thread=1)
    with trained(tmp_path, (*AT_ONCE, third), through=(False, True, False), losses=(1.0, 2.0, 3.0)) as run:
        assert games(run) == [True, True, False]


@pytest.mark.parametrize(("through", "expected"), [((4,), [True, True, False]), ((4, 5), [True, True, True])])
def test_of_models_that_are_trained_at_the_same_time_those_play_that_a_loss_leads_through(
    through: tuple[int, ...], expected: list[bool], tmp_path: Path
) -> None:
    with RunWriter(tmp_path) as writer:
        graphs = (Graph(step=0, through_others=True, through=through), *[Graph(step=0, through_others=False)] * 2)
        for stream, graph in enumerate(graphs):
            writer.add(signals.LOSS, 0, float(stream), stream=stream)
            writer.state(graph, Optimizer(type="Adam", number=3 + stream), stream=stream)
            writer.state(Span(began=0.0, ended=5.0, thread=1), stream=stream)
    with Run.open(tmp_path) as run:
        assert games(run) == expected


def test_one_training_plays_with_nobody(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOSS: [1.0, 0.5]}) as run:
        assert not in_a_game(run)


@pytest.mark.parametrize("rule", [LabelsMismatched(), NotShuffled()], ids=lambda rule: rule.code)
def test_the_game_is_said_to_be_the_reason(rule: Rule, tmp_path: Path) -> None:
    with trained(tmp_path) as run:
        assert list(rule.apply(run)) == [NotEvaluated(reason=IN_A_GAME)]


@pytest.mark.parametrize(
    ("spans", "losses", "beside"),
    [(AT_ONCE, (1.0, 2.0), True), (IN_TURN, (1.0, 2.0), False), (AT_ONCE, (1.0, 1.0), False)],
)
def test_trainings_at_the_same_time_with_losses_of_their_own_are_beside_each_other(
    tmp_path: Path, spans: tuple[Span, ...], losses: tuple[float, ...], beside: bool
) -> None:
    with trained(tmp_path, spans, through=(False, False), losses=losses) as run:
        assert [beside_another(training) for training in run.snapshot().streams()] == [beside] * 2
