import pytest
from typer.testing import CliRunner

from unstuck.cli.main import app
from unstuck.errors import ArgumentError
from unstuck.preflight import CHECKS
from unstuck.rules import RULES
from unstuck.rules.explain import HEADINGS

runner = CliRunner()


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_every_rule_is_explained_under_every_heading(code: str) -> None:
    shown = runner.invoke(app, ["explain", code])
    assert shown.exit_code == 0
    assert shown.output.startswith(code)
    assert all(heading in shown.output for heading in HEADINGS)


def test_a_cause_is_explained_by_its_rules() -> None:
    shown = runner.invoke(app, ["explain", "lr-too-high"])
    assert "O201" in shown.output


@pytest.mark.parametrize("number", range(1, len(CHECKS) + 1))
def test_every_check_before_training_is_explained(number: int) -> None:
    shown = runner.invoke(app, ["explain", f"p1{number:02}"])
    assert shown.exit_code == 0
    assert shown.output.startswith(f"P1{number:02}")
    first = (CHECKS[number - 1].__doc__ or "").split()[:5]
    assert " ".join(first) in " ".join(shown.output.split())


def test_an_unknown_check_is_refused_with_those_there_are() -> None:
    refused = runner.invoke(app, ["explain", "P199"])
    assert isinstance(refused.exception, ArgumentError)
    assert "P109" in str(refused.exception)


def test_an_unknown_code_is_refused() -> None:
    refused = runner.invoke(app, ["explain", "O999"])
    assert isinstance(refused.exception, ArgumentError)


def test_without_a_topic_everything_is_listed() -> None:
    shown = runner.invoke(app, ["explain"])
    assert shown.exit_code == 0
    for code in (*(rule.code for rule in RULES), "P101", "P111"):
        assert f"\n{code} " in f"\n{shown.output}"
    assert "lr-too-high" in shown.output
