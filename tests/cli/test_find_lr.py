from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.find_lr.scripts import PLAIN
from unstuck.cli.main import main
from unstuck.find_lr import InScript
from unstuck.find_lr.trainer import Trial

FACTORY = """
import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(64, 4)

def good():
    model = nn.Linear(4, 1)
    return model, nn.functional.mse_loss, (X, 3 * X[:, :1]), torch.optim.SGD(model.parameters(), lr=5.0)

def deaf():
    model = nn.Linear(4, 1)
    return model, lambda o, t: 0.0 * o.sum() + 1.0, (X, X), torch.optim.SGD(model.parameters(), lr=5.0)

def nan():
    model = nn.Linear(4, 1)
    return model, lambda o, t: o.sum() * float("nan"), (X, X), torch.optim.SGD(model.parameters(), lr=5.0)
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["unstuck", "find-lr", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "cli_find_lr_mine.py").write_text(FACTORY)
    (tmp_path / "train.py").write_text(PLAIN)
    return tmp_path


def test_a_function_gets_a_rate_a_page_and_figures(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "cli_find_lr_mine:good", "--longest", "24", "--json", "f.json", "--out", "shown") == 0
    printed = capsys.readouterr().out
    assert "Suggested rate for SGD" in printed
    assert "times too high" in printed
    assert (here / "shown" / "find-lr.html").exists()
    assert (here / "shown" / "find-lr.svg").exists()
    said = json.loads((here / "f.json").read_text())
    assert 0.01 < said["learning_rate"] < 1.0


def test_a_script_keeps_its_own_arguments_and_its_files(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(monkeypatch, "--longest", "24", "--json", "f.json", "--out", "shown", "--script", "train.py", "0.05") == 0
    )
    assert json.loads((here / "f.json").read_text())["in_use"] == 0.05
    assert "own schedule had no say" in " ".join(capsys.readouterr().out.split())
    assert not (here / "log.txt").exists()


def test_no_usable_rate_is_said_and_is_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "cli_find_lr_mine:deaf", "--out", "shown") == 1
    assert "No usable rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cli_find_lr_mine:nan",), "before anything is trained"),
        (("cli_find_lr_mine:good", "--low", "1", "--high", "0.1"), "reversed"),
        (("cli_find_lr_mine:good", "--low", "1", "--high", "1"), "empty"),
        (("cli_find_lr_mine:good", "--points", "1"), "points=1"),
        (("cli_find_lr_mine:good", "more"), "one recipe or function"),
        (("cli_find_lr_mine:good", "--set", "seed=1"), "--set"),
        (("--script", "none.py"), "no such file"),
        (("no-such-recipe",), "no-such-recipe"),
    ],
)
def test_what_is_refused_is_one_message(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert not Path("runs").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill would end the process at once")
def test_ctrl_c_while_a_script_is_trained_is_one_message_and_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()}
    train, kept = InScript.train, []

    def interrupted(self: InScript, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        kept.append(self._process)
        os.kill(os.getpid(), signal.SIGINT)
        return train(self, rates, repeat=repeat)

    monkeypatch.setattr(InScript, "train", interrupted)
    assert run(monkeypatch, "--longest", "24", "--script", "train.py", "0.05") == 130
    said = capsys.readouterr()
    assert said.err == "unstuck: interrupted before a rate was found; nothing of the search is kept\n"
    assert {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()} == before
    (process,) = kept
    assert not process._folder.exists()
    assert process._exited
