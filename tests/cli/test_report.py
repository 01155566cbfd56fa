import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unstuck.cli.main import app
from unstuck.errors import NotARunError
from unstuck.record import RunWriter, facts, signals

runner = CliRunner()


@pytest.fixture
def diverged(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    with RunWriter(folder) as writer:
        for step in range(30):
            writer.add(signals.LOSS, step, 2.0**step if step < 25 else float("nan"))
        writer.state(facts.NonFinite(step=25, what="loss", count=1))
        writer.state(facts.End(reason="diverged", steps=30))
    return folder


def test_a_recorded_run_is_judged_again(diverged: Path) -> None:
    shown = runner.invoke(
        app, ["report", str(diverged), "--html", str(diverged / "x.html"), "--json", str(diverged / "x.json")]
    )
    assert shown.exit_code == 0, shown.output
    assert f"Report: {diverged / 'x.html'}" in shown.output
    assert (diverged / "x.html").stat().st_size > 1000
    verdict = json.loads((diverged / "x.json").read_text())
    assert verdict["verdict"] == "findings"
    assert verdict["findings"][0]["code"] in shown.output


def test_strict_counts_errors(diverged: Path) -> None:
    assert runner.invoke(app, ["report", str(diverged), "--strict"]).exit_code == 3


def test_no_run_is_refused(tmp_path: Path) -> None:
    refused = runner.invoke(app, ["report", str(tmp_path)])
    assert isinstance(refused.exception, NotARunError)
