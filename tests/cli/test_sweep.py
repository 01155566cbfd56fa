from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from unstuck.cli.main import main
from unstuck.train import Recipe

SMALL = ("--set", "data.examples=200", "--set", "model.hidden=[16]", "--set", "train.epochs=4", "--seeds", "2")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["unstuck", "sweep", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture(autouse=True)
def _there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_sweep_ends_with_page_recipe_and_json(monkeypatch, tmp_path, capsys):
    arguments = ("mlp", "--over", "optimizer.lr=1e-3..1e-1", *SMALL, "--out", "out", "--json", "sweep.json")
    assert run(monkeypatch, *arguments) == 0
    said = capsys.readouterr().out
    assert re.search(r"✔ optimizer\.lr=\S+: validation accuracy [\d.]+% ± [\d.]+ over 2\s+seeds", said)
    assert "Page: out/sweep.html" in said
    assert "Recipe: unstuck train out/best.toml" in said
    best = json.loads((tmp_path / "sweep.json").read_text())["best"]["setting"]
    assert Recipe.read(tmp_path / "out" / "best.toml").optimizer.lr == best["optimizer.lr"]
    assert run(monkeypatch, "out") == 0
    assert "epochs" not in capsys.readouterr().out.partition("✔")[0], "nothing is trained again"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mlp", "--over", "optimizer.lr=1..1e-3"), "unstuck: optimizer.lr=1..1e-3: the range is reversed"),
        (("mlp", "--over", "optimizer.lr=0.1"), "unstuck: optimizer.lr=0.1: one point"),
        (("mlp",), "unstuck: mlp: nothing is swept"),
        (("mpl", "--over", "optimizer.lr"), "unstuck: RECIPE='mpl' is not known; did you mean 'mlp'"),
        (("mlp", "--over", "optimizer.momentum"), "unstuck: optimizer.momentum=0.5: 'adamw' has none"),
        (("mlp", "--over", "optimizer.lr", "--storage", "ftp://host"), "unstuck: --storage ftp://host"),
        (("mlp", "--over", "optimizer.lr", "--sampler", "tpf"), "unstuck: --sampler='tpf' is not known"),
    ],
)
def test_what_is_refused_is_one_message(monkeypatch, capsys, arguments, said):
    assert run(monkeypatch, *arguments) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(said)


def test_a_loss_that_is_never_finite_is_said_with_status_1(monkeypatch, capsys):
    arguments = ("mlp", "--over", "optimizer.lr=1e20, 1e30", *SMALL, "--set", "optimizer={name='sgd', lr=1e25}")
    assert run(monkeypatch, *arguments, "--out", "out") == 1
    said = capsys.readouterr().out
    assert "✖ No setting can be used" in said
    assert "Page: out/sweep.html" in said
    assert "Recipe:" not in said


def test_another_sweep_in_the_same_folder_is_refused(monkeypatch, capsys, tmp_path):
    assert run(monkeypatch, "mlp", "--over", "optimizer.lr=0.1, 0.01", *SMALL, "--out", "out") == 0
    before = (tmp_path / "out" / "study.journal").read_bytes()
    capsys.readouterr()
    assert run(monkeypatch, "mlp", "--over", "optimizer.lr=0.1, 0.02", *SMALL, "--out", "out") == 2
    assert "other values of optimizer.lr" in capsys.readouterr().err
    assert (tmp_path / "out" / "study.journal").read_bytes() == before
