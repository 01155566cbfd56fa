from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unstuck.observe.collectors.catalogue import COLLECTORS
from unstuck.record import Finding, NotEvaluated, Run, RunWriter, Signal, facts, signals
from unstuck.record.facts import End, Event, Unread, Unwatched
from unstuck.rules import RULES, judge
from unstuck.rules.engine import evaluate
from unstuck.rules.rule import Need, Rule
from unstuck.rules.unseen import PARTS, behind, reason, seen_whole, unseen, unwatched
from unstuck.testing.rules import record

Said = Callable[[Unread, Need], str]

LOSSES = {signals.LOSS: [1.0] * 100}
INPUTS = Unread(step=12, collector="Inputs", signals=("input_mean", "input_std"), error="RuntimeError: no storage")
SINCE = "inputs could not be read from step 12 on: RuntimeError: no storage"


class Silent(Rule):
    """A rule that reads what it is told to, and finds nothing."""

    code, name, cause = "D101", "silent", "lr-too-high"
    needs = (signals.LOSS,)
    reads: Need = signals.LOSS

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        if isinstance(self.reads, Signal):
            run.series(self.reads)
        else:
            run.facts(self.reads)
        yield from ()


def silent(*, reads: Need = signals.LOSS, needs: tuple[Need, ...] = (signals.LOSS,)) -> Rule:
    return type("Silent", (Silent,), {"reads": reads, "needs": needs})()


@pytest.fixture
def said(tmp_path: Path) -> Said:
    """Why something is missing from a run in which a part failed."""

    def said(failed: Unread, need: Need) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        with record(folder, facts=[failed], series=LOSSES) as run:
            return reason(run, need)

    return said


def test_every_collector_has_its_words() -> None:
    assert {getattr(collector, "__name__", "") for collector in COLLECTORS} <= PARTS.keys()
    assert {fed for part in PARTS.values() for fed in part.feeds} <= PARTS.keys()


def test_every_collector_that_measures_the_loss_call_is_known_to_depend_on_written_losses(said: Said) -> None:
    losses = next(collector for collector in COLLECTORS if getattr(collector, "__name__", "") == "Losses")
    failed = Unread(step=0, collector="HandwrittenLosses", error="RuntimeError: no")
    for signal in getattr(losses, "measures", ()):
        assert "losses that are written out could not be read" in said(failed, signal), signal.key


@pytest.mark.parametrize("need", [facts.Inputs, signals.INPUT_MEAN])
def test_a_need_that_a_failed_part_would_have_given_is_missing_for_it(need: Need, said: Said) -> None:
    assert said(INPUTS, need) == SINCE
    assert said(Unread(step=0, collector="Inputs", signals=("input_mean",), error="E: no"), need) == (
        "inputs could not be read: E: no"
    )


def test_a_failure_explains_nothing_of_other_parts(said: Said) -> None:
    assert said(INPUTS, facts.Loss) == facts.Loss.missing
    assert said(INPUTS, signals.ACCURACY) == signals.ACCURACY.missing


def test_a_fact_that_rests_on_a_failed_part_is_missing_for_it(said: Said) -> None:
    failed = Unread(step=5, collector="Losses", error="E: no")
    assert said(failed, facts.Association).startswith("targets and outputs at the loss could not be read")


def test_a_part_of_a_newer_release_is_named_by_its_words(said: Said) -> None:
    failed = Unread(step=0, collector="TokenStatistics", signals=("input_mean",), error="E: no")
    assert said(failed, signals.INPUT_MEAN) == "token statistics could not be read: E: no"


@pytest.mark.parametrize(("step", "stops"), [(12, True), (99, True), (100, False)])
def test_a_signal_stops_where_its_part_failed_before_the_training_ended(step: int, stops: bool, tmp_path: Path) -> None:
    failed = Unread(step=step, collector="Inputs", signals=("input_mean",), error="E: no")
    with record(tmp_path, facts=[failed], series=LOSSES | {signals.INPUT_MEAN: [0.1] * 12}) as run:
        assert (behind(run, signals.INPUT_MEAN) == failed) is stops
        outcome = evaluate(silent(needs=(signals.INPUT_MEAN,)), run)
    assert isinstance(outcome, NotEvaluated) is stops


def test_written_losses_that_are_no_longer_recognised_end_the_accuracy(tmp_path: Path) -> None:
    failed = Unread(step=12, collector="HandwrittenLosses", error="E: no")
    for length, stops in ((10, True), (50, False)):
        with record(tmp_path / str(length), facts=[failed], series=LOSSES | {signals.ACCURACY: [0.1] * length}) as run:
            assert (behind(run, signals.ACCURACY) == failed) is stops


@pytest.mark.parametrize("snapshot", [False, True])
@pytest.mark.parametrize("reads", [signals.INPUT_STD, facts.Inputs])
def test_silence_without_what_a_failed_part_would_have_given_is_not_clear(
    reads: Need, snapshot: bool, tmp_path: Path
) -> None:
    with record(tmp_path, facts=[INPUTS], series=LOSSES) as run:
        stream = run.snapshot() if snapshot else run
        for _ in range(2):  # the second reads what the first has kept
            assert evaluate(silent(reads=reads), stream) == NotEvaluated(reason=SINCE, unread=True)
        assert evaluate(silent(), stream) == []


def test_the_reason_of_a_rule_yields_to_the_failure_behind_it(tmp_path: Path) -> None:
    class Refuses(Silent):
        reads = facts.Inputs

        def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
            if not run.knows(facts.Inputs):
                yield NotEvaluated(reason="the model takes no inputs")

    with record(tmp_path, facts=[INPUTS], series=LOSSES) as run:
        assert evaluate(Refuses(), run) == NotEvaluated(reason=SINCE, unread=True)


def test_findings_count_although_a_part_that_they_do_not_need_failed(tmp_path: Path) -> None:
    class Finds(Silent):
        def check(self, run: Run) -> Iterator[Finding]:
            run.facts(facts.Inputs)
            yield self.finding("s", "a", severity="error", confidence=1.0, evidence=())

    with record(tmp_path, facts=[INPUTS], series=LOSSES) as run:
        assert [finding.code for finding in judge(run, (Finds(),)).findings] == ["D101"]


def test_a_rule_that_one_training_could_not_be_judged_by_is_not_clear(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream in range(3):
            writer.add_series(signals.LOSS, range(100), [1.0] * 100, stream=stream)
            writer.state(End(reason="completed", steps=100), stream=stream)
        writer.state(INPUTS, stream=1)
    with Run.open(tmp_path) as run:
        verdict = judge(run, (silent(reads=facts.Inputs),))
    assert verdict.clear == ()
    assert verdict.not_evaluated == {"D101": SINCE}
    assert verdict.gaps == ("not seen: inputs, since step 12 (RuntimeError: no storage), in 1 of 3 trainings",)


def test_what_failed_in_several_trainings_alike_is_said_once(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for stream, step in enumerate((30, 12, 40)):
            error = f"RuntimeError: at {step}"
            writer.state(Unread(step=step, collector="Inputs", error=error), stream=stream)
            writer.state(Event(step=3, what="compiled code is not seen", blinds=True), stream=stream)
            writer.state(Event(step=3, what="a step was skipped"), stream=stream)
    with Run.open(tmp_path) as run:
        assert unseen(run.streams()) == (
            "not seen: inputs, since step 12 (RuntimeError: at 12), in 3 of 3 trainings",
            "compiled code is not seen",
        )


def test_trainings_that_were_not_watched_are_said_first(tmp_path: Path) -> None:
    stated = [INPUTS, Unwatched(trainings=24, reason="the time budget was used up"), End(reason="completed", steps=100)]
    with record(tmp_path, facts=stated, series=LOSSES) as run:
        gaps = judge(run, ()).gaps
    assert gaps == (
        "24 of 25 trainings were not watched: the time budget was used up.",
        "not seen: inputs, since step 12 (RuntimeError: no storage)",
    )


@pytest.mark.parametrize(
    ("fact", "whole"),
    [
        (End(reason="completed", steps=100, backward_passes=100), True),
        (Event(step=3, what="a step was skipped"), True),
        (Unwatched(trainings=0, reason=""), True),
        (End(reason="completed", steps=100, backward_passes=200, unrecorded=100), False),
        (Event(step=3, what="compiled", blinds=True), False),
        (Unwatched(trainings=1, reason="no time"), False),
        (INPUTS, False),
    ],
)
def test_what_is_seen_whole(fact: facts.Fact, whole: bool, tmp_path: Path) -> None:
    with record(tmp_path, facts=[fact], series=LOSSES) as run:
        assert seen_whole(run.streams()) is whole


def test_one_training_that_was_not_watched(tmp_path: Path) -> None:
    with record(tmp_path, facts=[Unwatched(trainings=1, reason="no time.")], series=LOSSES) as run:
        assert unwatched(run.streams()) == "1 of 2 trainings was not watched: no time."


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (((9, 40),), " (9 to 40)"),
        (((3, 3), (5, 7)), " (3, 5 to 7)"),
        (((1, 9), (11, 11), (20, 29), (40, 49), (60, 69)), " (1 to 9, 20 to 29, 40 to 49, 60 to 69 and others)"),
    ],
)
def test_which_trainings_were_not_watched(which: tuple[tuple[int, int], ...], words: str, tmp_path: Path) -> None:
    missed = Unwatched(trainings=32, reason="no time", which=which)
    with record(tmp_path, facts=[missed], series=LOSSES) as run:
        assert unwatched(run.streams()) == f"32 of 33 trainings were not watched{words}: no time."


@pytest.mark.parametrize(("ended", "words"), [("interrupted", "was interrupted"), ("crashed", "crashed")])
@pytest.mark.parametrize(("count", "which"), [(1, "it"), (3, "the last of them")])
def test_the_end_of_the_last_one_that_was_not_watched(
    ended: str, words: str, count: int, which: str, tmp_path: Path
) -> None:
    missed = Unwatched(trainings=count, reason="no time", ended=ended)
    with record(tmp_path, facts=[missed], series=LOSSES) as run:
        assert unwatched(run.streams()).endswith(f" not watched: no time; {which} {words}.")


@pytest.mark.parametrize("collector", PARTS)
def test_no_rule_fails_or_is_clear_without_the_part_that_it_needs(collector: str, tmp_path: Path) -> None:
    measured = {getattr(one, "__name__", ""): getattr(one, "measures", ()) for one in COLLECTORS}
    keys = tuple(signal.key for signal in measured.get(collector, ()))
    failed = Unread(step=0, collector=collector, signals=keys, error="E: no")
    with record(tmp_path, facts=[failed], series=LOSSES) as run:
        verdict = judge(run)
    given = {*PARTS[collector].states, *(signals.BY_KEY[key] for key in keys)}
    for rule in RULES:
        first = next((need for need in rule.needs if need is not signals.LOSS), None)
        if first in given:
            assert verdict.not_evaluated[rule.code] == f"{PARTS[collector].words} could not be read: E: no"
