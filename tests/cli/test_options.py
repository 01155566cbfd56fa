"""Options that several commands share mean the same in each."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from unstuck.cli.main import app
from unstuck.cli.options import STATUSES, _folder

runner = CliRunner()


def help_of(command: str) -> str:
    return " ".join(runner.invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output.split())


@pytest.mark.parametrize("command", ["run", "train", "report", "confirm"])
def test_what_a_status_means_is_said_by_each_command_that_has_one(command):
    assert STATUSES in help_of(command)
    for option in ("--json", "--strict", "--full"):
        assert option in help_of(command)


@pytest.mark.parametrize("command", ["run", "train", "confirm"])
def test_commands_that_make_trials_may_be_told_not_to_ask_and_how_long(command):
    assert "--yes" in help_of(command)
    assert "-y" in help_of(command)
    assert "Time for all trials together." in help_of(command)
    assert ("--confirm" in help_of(command)) == (command != "confirm")


def test_a_folder_without_a_name_is_none(tmp_path):
    with pytest.raises(typer.BadParameter, match="is empty; give the name of a folder"):
        _folder("")
    assert _folder(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("command", [["run", "--out", "", "train.py"], ["train", "--out", ""]])
def test_a_variable_of_the_shell_that_is_not_set_writes_nowhere(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = runner.invoke(app, command)
    assert refused.exit_code == 2
    assert list(tmp_path.iterdir()) == []
