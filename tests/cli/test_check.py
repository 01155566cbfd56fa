import json
from pathlib import Path

import pytest

from unstuck.cli.main import main

SOURCE = """
import torch
from torch import nn

class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x
    @staticmethod
    def backward(ctx, gradient):
        return gradient

class Model(nn.Linear):
    def forward(self, x):
        return Wrong.apply(super().forward(x))

def broken():
    torch.manual_seed(0)
    x = torch.randn(64, 8)
    return Model(8, 3), nn.functional.cross_entropy, (x, x[:, :3].argmax(1))
"""
QUICK = ["--set", "data.name=breast-cancer", "--set", "model={name='linear'}"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["unstuck", "check", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_a_sound_recipe_gets_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--json", str(tmp_path / "v.json"), "--html", str(tmp_path / "page.html")]
    assert run(monkeypatch, "digits", *QUICK, *files) == 0
    shown = capsys.readouterr().out
    assert shown.count("✔") >= 8
    assert "✖" not in shown
    verdict = json.loads((tmp_path / "v.json").read_text())
    assert (verdict["schema"], verdict["verdict"], verdict["findings"]) == (2, "healthy", [])
    assert {check["code"] for check in verdict["checks"]} == {f"P1{n:02}" for n in range(1, 12)}
    assert "<svg" in (tmp_path / "page.html").read_text()


def test_a_cross_exits_with_1_and_names_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "described_wrongly.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run(monkeypatch, "described_wrongly:broken", "--json", "v.json") == 1
    assert "✖" in capsys.readouterr().out
    (finding,) = [f for f in json.loads(Path("v.json").read_text())["findings"] if f["cause"] == "gradient-wrong"]
    assert finding["where"]["file"].endswith("described_wrongly.py")
    assert finding["where"]["line"] == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "RECIPE='nothing' is not known"),
        (["no_such_module_here:f"], "cannot be imported"),
        (["a:b", "--set", "seed=1"], "--set: it changes a recipe"),
        ([*QUICK, "--json", "/proc/x"], "cannot be written"),
        ([*QUICK, "--html", "/proc/x/y.html"], "cannot be written"),
    ],
)
def test_bad_input_is_one_message(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert message in capsys.readouterr().err
