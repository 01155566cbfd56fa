from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unstuck.cli.main import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unstuck(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As in a shell without a display."""
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    return subprocess.run(
        [sys.executable, "-m", "unstuck", *arguments],
        capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip


def test_a_race_writes_a_page_and_a_picture(folder: Path) -> None:
    options = ["--method", "adam lr=0.1", "--method", "sgd lr=0.09 noise=1", "--steps", "50", "--start=-3,1"]
    done = runner.invoke(app, ["race", "bowl", *options, "--window=-4,4,-2,2", "--seed", "3", "--out", "there"])
    assert done.exit_code == 0, done.output
    page = (folder / "there" / "bowl.html").read_text()
    assert "unstuck race bowl --steps 50 --method &#39;adam lr=0.1&#39;" in page
    assert "--start=-3,1 --window=-4,4,-2,2 --seed=3" in page
    assert (folder / "there" / "bowl.svg").read_text().startswith("<svg")
    assert "there/bowl.svg" in done.output


def test_without_methods_six_of_them_find_their_rates() -> None:
    done = runner.invoke(app, ["race", "rosenbrock", "--steps", "50"])
    assert done.exit_code == 0, done.output
    assert done.output.count("lr=") >= 6


def test_without_a_surface_all_are_listed() -> None:
    listed = runner.invoke(app, ["race"]).output
    assert all(word in listed for word in ("valley", "rosenbrock", "module:function", "mean-adagrad", "betas"))


def test_a_function_of_ones_own(folder: Path) -> None:
    (folder / "surface_of_mine.py").write_text("import math\ndef f(x, y):\n    return math.cosh(x) + y * y\n")
    done = unstuck("race", "surface_of_mine:f", "--method", "sgd lr=0.1", "--steps", "40")
    assert done.returncode == 0, done.stderr
    assert (folder / "pictures" / "f.html").is_file()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return float('nan')", "f: it is nan at the start, x = 1, y = 1; start where it is finite (--start X,Y)"),
        ("raise ValueError('no weights')", "the function raises at x = 1, y = 1: ValueError: no weights"),
        ("return 'high'", "the function returns str at x = 1, y = 1; a number is accepted"),
    ],
)
def test_a_function_that_is_no_loss_is_one_message(folder: Path, body: str, message: str) -> None:
    (folder / "broken_surface.py").write_text(f"def f(x, y):\n    {body}\n")
    done = unstuck("race", "broken_surface:f")
    assert done.returncode == 2
    assert done.stderr.startswith(f"unstuck: {message}")
    assert done.stderr.count("\n") == 1
    assert not (folder / "pictures").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["race", "vally"], "did you mean 'valley'"),
        (["race", "bowl", "--method", "adem lr=1"], "did you mean 'adam'"),
        (["race", "bowl", "--method", "adam lr=fast"], "lr='fast' is no number"),
        (["race", "bowl", "--start", "1"], "'1' is not a point"),
        (["race", "bowl", "--window=a,b,c,d"], "is not a window"),
        (["race", "bowl", "--steps", "0"], "1 to 1,000,000"),
        (["race", "bowl", "--method", "sgd lr=0.1", "--out", "file"], "cannot be written"),
    ],
)
def test_what_is_not_accepted_is_one_message_and_status_2(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "file").write_text("")
    done = unstuck(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
