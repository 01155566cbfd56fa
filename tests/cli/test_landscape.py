"""``unstuck landscape`` at the command line."""

from __future__ import annotations

import json
import sys

import pytest

from unstuck.cli.main import main

MINE = """
import torch
from torch import nn

def parts():
    torch.manual_seed(0)
    x = torch.randn(32, 4)
    return nn.Linear(4, 1), nn.functional.mse_loss, (x, x[:, :1])

def zeros():
    model, loss, data = parts()
    nn.init.zeros_(model.weight)
    return model, loss, data

def broken():
    model, _, data = parts()
    return model, lambda outputs, targets: outputs.sum() * float("nan"), data
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("scape", None)
    (tmp_path / "scape.py").write_text(MINE)
    return tmp_path


def run(monkeypatch, capsys, *args: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["unstuck", "landscape", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_a_function_of_ones_own(here, monkeypatch, capsys):
    status, out, _ = run(monkeypatch, capsys, "scape:parts", "--points", "7", "--json", "a.json")
    assert status == 0
    assert (here / "pictures" / "landscape-parts.html").is_file()
    assert (here / "pictures" / "landscape-parts.svg").is_file()
    assert "its own norm" in " ".join(out.split())
    assert len(json.loads((here / "a.json").read_text())["plane"]["losses"]) == 7


def test_a_recipe_is_trained_and_its_path_drawn(here, monkeypatch, capsys):
    (here / "short.toml").write_text(
        '[data]\nname = "pokemon"\n[model]\nname = "mlp"\nhidden = [4]\n[train]\nepochs = 3\nbatch_size = 5\n'
    )
    status, out, _ = run(monkeypatch, capsys, "short.toml", "--points", "5", "--json", "a.json")
    assert status == 0
    figures = json.loads((here / "a.json").read_text())
    assert figures["plane"]["path"]["names"] == ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    assert figures["line"]["names"] == ["epoch 0", "epoch 3"]
    assert "explains" in out
    (folder,) = (here / "runs").iterdir()
    status, out, _ = run(monkeypatch, capsys, str(folder), "--kind", "line", "--between", "1,2", "--points", "5")
    assert status == 0
    assert "from epoch 1 to epoch 2" in " ".join(out.split())


def test_a_run_of_a_script_has_no_weights(here, monkeypatch, capsys):
    from unstuck.record import RunWriter

    with RunWriter(here / "run"):
        pass
    status, _, err = run(monkeypatch, capsys, "run")
    assert status == 2
    assert "holds no weights" in err
    assert "--checkpoint first.pt" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("scape:zeros",), "no direction to look along"),
        (("scape:broken",), "nan"),
        (("scape:parts", "--points", "1"), "points=1"),
        (("scape:parts", "--points", "5000"), "points=5000"),
        (("scape:parts", "--kind", "cube"), "path, filters or line"),
        (("scape:parts", "--kind", "line"), "two positions among the 0 weights"),
        (("scape:parts", "--kind", "path"), "--checkpoint"),
        (("scape:parts", "--set", "a=b"), "--set"),
        (("scape:parts", "--checkpoint", "gone.pt"), "no such file"),
        (("nothing",), "nothing"),
    ],
)
def test_what_cannot_be_drawn_is_refused(args, said, here, monkeypatch, capsys):
    status, _, err = run(monkeypatch, capsys, *args)
    assert status == 2
    assert said in err
    assert "Traceback" not in err
