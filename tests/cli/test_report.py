import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unstuck.cli.main import app, main
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


def test_the_newest_run_is_taken_where_none_is_given(
    diverged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = runner.invoke(app, ["report"])
    assert isinstance(refused.exception, NotARunError)
    assert "runs: this folder is not here" in str(refused.exception)
    (tmp_path / "runs").mkdir()
    diverged.rename(tmp_path / "runs" / "late")
    shown = runner.invoke(app, ["report"])
    assert shown.exit_code == 0
    assert shown.output.startswith("The newest run: runs/late\n")


def test_a_run_that_goes_on_says_so_everywhere(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with RunWriter(folder) as writer:
        for step in range(30):
            writer.add(signals.LOSS, step, 1.0)
        writer.flush()
        page, file = tmp_path / "x.html", tmp_path / "x.json"
        shown = runner.invoke(app, ["report", str(folder), "--html", str(page), "--json", str(file)])
    said = "No end was recorded: still running, or cut off; the newest steps may be missing."
    assert said in " ".join(shown.output.split())
    assert said in page.read_text()
    assert json.loads(file.read_text())["gaps"] == [said]


def test_a_damaged_run_ends_with_one_line_and_status_2(
    diverged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = diverged / "run.sqlite"
    file.write_bytes(file.read_bytes()[:-4096])
    monkeypatch.setattr("sys.argv", ["unstuck", "report", str(diverged)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"unstuck: {file}: the run is damaged (")
    assert captured.err.count("\n") == 1
