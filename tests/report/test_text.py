from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from unstuck.record import Finding, Run, RunWriter, Verdict, VerdictKind, Where, facts, signals
from unstuck.report import render_text
from unstuck.report.html import render_html
from unstuck.rules import judge

LONG = (
    "The layer gives values of a scale that the next layer cannot follow, because its weights are far too large for it."
)


def render(
    verdict: Verdict,
    run: Run,
    *,
    encoding: str = "utf-8",
    terminal: bool = False,
    width: int = 80,
    full: bool = False,
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    colour = "standard" if terminal else None
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=colour, _environ={})
    render_text(verdict, run, console=console, full=full)
    return raw.getvalue().decode(encoding)


def test_a_finding_says_what_where_how_we_know_and_what_to_change(sick: Run, sick_verdict: Verdict) -> None:
    text = render(sick_verdict, sick)
    order = [
        "1 problem was found",
        "It did not learn: after 900 steps the loss has risen",
        "✖ error",
        "far too high",
        "train.py:41",
        "how we know",
        "update ratio 0.31, above 0.01",
    ]
    order += ["steps 0–49", "change", "Set lr=0.1", "very likely (93%)", "O201 lr-too-high", "symptoms", "G301", "N101"]
    order += ["2 checks found nothing, 2 could not be made; --full lists them.", "1.5% of the training time"]
    at = [text.index(part) for part in order]
    assert at == sorted(at)


def test_one_finding_with_symptoms_fits_a_terminal(sick: Run, sick_verdict: Verdict) -> None:
    finding = sick_verdict.findings[0]
    many = replace(finding, evidence=finding.evidence * 4, symptoms=finding.symptoms * 5, summary=LONG, advice=LONG * 2)
    reasons = {f"X{i:03}": f"reason {i} of a certain length, so that it fills the line" for i in range(30)}
    for verdict in (sick_verdict, replace(sick_verdict, findings=(many,), not_evaluated=reasons)):
        lines = render(verdict, sick).splitlines()
        assert len(lines) <= 23
        assert max(map(len, lines)) <= 80
    assert "and 9 more" in "\n".join(lines)


@pytest.mark.parametrize("count", [2, 3, 8, 30])
def test_several_findings_fit_forty_lines_and_none_is_silent(sick: Run, sick_verdict: Verdict, count: int) -> None:
    findings = tuple(
        replace(sick_verdict.findings[0], code=f"X{i:03}", summary=f"{LONG} Number {i}.", advice=LONG)
        for i in range(count)
    )
    text = render(replace(sick_verdict, findings=findings), sick)
    assert len(text.splitlines()) <= 40
    for finding in findings:
        assert finding.code in text


def test_health_is_its_evidence_and_a_count_of_what_was_checked(healthy: Run, healthy_verdict: Verdict) -> None:
    lines = render(healthy_verdict, healthy).splitlines()
    assert lines[0] == "✔ It learns: training accuracy 99%. Nothing wrong was found."
    assert "  7 checks found nothing, 1 could not be made; --full lists them." in lines
    assert len(lines) <= 6


def test_full_lists_every_check_and_every_measurement(
    healthy: Run, healthy_verdict: Verdict, sick: Run, sick_verdict: Verdict
) -> None:
    text = " ".join(render(healthy_verdict, healthy, full=True).split())
    assert "7 checks found nothing, 1 could not be made." in text
    assert "found nothing inputs not scaled, initial loss off" in text
    assert "overfitting: no evaluation was seen" in text
    finding = replace(sick_verdict.findings[0], evidence=sick_verdict.findings[0].evidence * 9)
    lines = render(replace(sick_verdict, findings=(finding,)), sick, full=True).splitlines()
    assert sum("update ratio 0.31" in line for line in lines) == 9


@pytest.mark.parametrize(
    ("kind", "mark"),
    [("healthy", "✔"), ("improvable", "✔"), ("not learnt", "✖"), ("cannot be told", "?"), ("not enough data", "?")],
)
def test_each_kind_has_its_mark(healthy: Run, kind: VerdictKind, mark: str) -> None:
    text = render(Verdict(kind=kind, headline="so it is."), healthy)
    assert text.startswith(f"{mark} so it is.")
    assert "No check could be made" in text


def test_the_mark_of_findings_is_that_of_the_gravest(sick: Run, sick_verdict: Verdict) -> None:
    warning = replace(sick_verdict.findings[0], severity="warning")
    assert render(replace(sick_verdict, findings=(warning,)), sick).startswith("▲")
    assert render(replace(sick_verdict, findings=(warning, sick_verdict.findings[0])), sick).startswith("✖")


def test_colour_is_for_terminals_alone(sick: Run, sick_verdict: Verdict) -> None:
    assert "\x1b[" not in render(sick_verdict, sick)
    assert "\x1b[" in render(sick_verdict, sick, terminal=True)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_poor_encoding_gets_ascii_for_what_it_lacks(sick: Run, sick_verdict: Verdict, encoding: str) -> None:
    rate = replace(sick_verdict.findings[0], summary="‖Δw‖ ≥ 0.1 × ‖w‖: 学习率")
    text = render(replace(sick_verdict, findings=(rate,)), sick, encoding=encoding)
    assert "x error" in text
    assert "||dw|| >= 0.1" in text
    assert "\\u5b66" in text


def test_hostile_names_are_shown_as_they_stand(sick: Run, sick_verdict: Verdict) -> None:
    where = Where(module="[bold red]\x1b[2J\x07[/]")
    hostile = replace(sick_verdict.findings[0], where=where, summary="[link=http://x]a[/link]\r")
    text = render(replace(sick_verdict, findings=(hostile,)), sick)
    assert "[bold red]\\x1b[2J\\x07[/]" in text
    assert "[link=http://x]a[/link]\\x0d" in text
    assert "\x1b" not in text


def test_a_narrow_terminal_loses_no_word(sick: Run, sick_verdict: Verdict) -> None:
    lines = render(sick_verdict, sick, width=44).splitlines()
    assert max(map(len, lines)) <= 44
    assert "overshoots" in " ".join(lines)


def test_no_line_ends_in_blanks(sick: Run, sick_verdict: Verdict) -> None:
    assert all(line == line.rstrip() for line in render(sick_verdict, sick).splitlines())


def test_an_experiment_is_reported(sick: Run, sick_verdict: Verdict) -> None:
    from unstuck.record import Confirmation

    tried = Confirmation(remedy="rate × 0.1", metric="loss after 200 steps", before=2.3, after=0.4)
    finding: Finding = replace(sick_verdict.findings[0], confirmed=tried)
    assert "tried" in render(replace(sick_verdict, findings=(finding,)), sick)


def test_so_is_one_about_a_symptom(sick: Run, sick_verdict: Verdict) -> None:
    from unstuck.record import Confirmation

    tried = Confirmation(remedy="rate × 0.1", metric="loss after 200 steps", before=2.3, after=0.4)
    finding = sick_verdict.findings[0]
    first = replace(finding.symptoms[0], confirmed=tried)
    finding = replace(finding, symptoms=(first, *finding.symptoms[1:]))
    said = " ".join(render(replace(sick_verdict, findings=(finding,)), sick, full=True).split())
    assert f"({first.code}); tried: {tried}" in said


@pytest.mark.parametrize("height", [24, 30, 60])
def test_several_findings_fit_the_terminal(sick: Run, sick_verdict: Verdict, height: int) -> None:
    several = replace(sick_verdict, findings=sick_verdict.findings * 3)
    console = Console(file=io.StringIO(), width=80, height=height, force_terminal=True, color_system=None, _environ={})
    render_text(several, sick, console=console)
    assert console.file.getvalue().count("\n") <= height - 1


def test_what_may_be_missing_is_said_right_under_the_headline(healthy: Run, healthy_verdict: Verdict) -> None:
    said = "Two seconds of it may be missing."
    console = Console(file=io.StringIO(), width=80)
    render_text(replace(healthy_verdict, gaps=(said,)), healthy, console=console)
    assert isinstance(console.file, io.StringIO)
    assert f"? {said}" in console.file.getvalue().splitlines()[1]


def test_what_was_not_watched_recorded_or_read_is_said_in_every_format(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        writer.add_series(signals.LOSS, range(100), [1.0] * 100)
        writer.state(facts.Unwatched(trainings=24, reason="the time budget was used up"))
        writer.state(facts.Unread(step=12, collector="Inputs", error="RuntimeError: no storage"))
        writer.state(facts.End(reason="completed", steps=100, backward_passes=1000, unrecorded=900))
    with Run.open(tmp_path) as run:
        verdict = judge(run)
        text, page = render(verdict, run, width=120), render_html(run, verdict)
    lines = text.splitlines()
    missed = "24 of 25 trainings were not watched: the time budget was used up."
    assert lines[0] == f"? Whether it learnt cannot be told: {missed}"
    assert text.count("not watched") == 1
    assert page.partition("<h1>")[2].count("not watched") == 1
    assert "? not seen: inputs, since step 12 (RuntimeError: no storage)" in lines
    ended = "completed, but 900 of 1,000 backward passes were not recorded"
    assert any(line.endswith(f"100 steps · {ended}") for line in lines)
    assert verdict.headline in page
    assert page.count("not seen: inputs") == 1
    assert ended in page
    assert "no batch was seen to enter the model" not in text
    plain = verdict.to_dict()
    assert plain["gaps"] == [missed, "not seen: inputs, since step 12 (RuntimeError: no storage)"]
    assert plain["ended"] == {ended: 1}
