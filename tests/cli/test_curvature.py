from __future__ import annotations

import json
from pathlib import Path

import pytest

from unstuck.cli.main import main
from unstuck.record import RunWriter, signals

FACTORY = """
import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(64, 4)

def good():
    model = nn.Linear(4, 1)
    return model, nn.functional.mse_loss, (X, 3 * X[:, :1]), torch.optim.SGD(model.parameters(), lr=5.0)

def nan():
    return nn.Linear(4, 1), lambda o, t: o.sum() * float("nan"), (X, X)

def raising():
    raise KeyError("mine")

def number():
    return 3
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["unstuck", "curvature", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "curved.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_function_is_looked_at(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "curved:good", "--json", "c.json", "--blocks", "none") == 0
    shown = capsys.readouterr().out
    assert "No critical point" in shown
    assert "times the largest stable one" in shown
    said = json.loads(Path("c.json").read_text())
    assert (said["schema"], said["kind"], said["blocks"]) == (1, "no critical point", [])


def test_a_run_of_a_recipe_has_its_weights_and_its_record(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "sys.argv",
        ["unstuck", "train", "mlp", "--quick", "--set", "train.epochs=3", "--set", "model.hidden=[4]", "--out", "r"],
    )
    with pytest.raises(SystemExit):
        main()
    capsys.readouterr()
    assert run(monkeypatch, "r", "--json", "c.json") == 0
    shown = capsys.readouterr().out
    for part in ("best weights", "smallest eigenvalue", "From the record", "unstuck report r --html"):
        assert part in shown
    said = json.loads(Path("c.json").read_text())
    assert said["kind"]
    assert said["recorded"]


def test_a_run_of_a_script_says_what_it_can(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunWriter(Path("runs/mine")) as writer:
        for step in range(20):
            writer.add(signals.LOSS, step, 1.0)
            writer.add(signals.GRADIENT_COSINE, step, 0.5 + 0.01 * (step % 3))
    assert run(monkeypatch) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "No critical point: successive gradients agree" in shown
    assert "Not known: the eigenvalues" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "RECIPE='nothing' is not known"),
        (["no_such_module_here:f"], "cannot be imported"),
        (["curved:absent"], "has no function 'absent'"),
        (["curved:number"], "it returns int"),
        (["curved:raising"], "KeyError"),
        (["curved:nan"], "loss: nan"),
        (["curved:good", "--set", "seed=1"], "--set: it changes a recipe"),
        (["curved:good", "--blocks", "row"], "blocks='row'"),
        (["curved:good", "--top", "0"], "top=0"),
        (["curved:good", "--json", "/proc/x"], "cannot be written"),
        (["."], "run"),
        ([], "holds no run|is not here"),
    ],
)
def test_bad_input_is_one_message(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err
    assert re.search(message, said)
    assert "Traceback" not in said
