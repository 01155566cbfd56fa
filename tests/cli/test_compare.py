import json
from pathlib import Path

import pytest

from unstuck.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["unstuck", "compare", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_activations_are_compared_in_one_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    small = ["--quick", "--set", "model={name='mlp', hidden=[8]}", "--set", "train.epochs=1"]
    files = ["--out", str(tmp_path / "c"), "--json", str(tmp_path / "c.json")]
    assert run(monkeypatch, "activations", "mlp", *small, *files) == 0
    shown = capsys.readouterr().out
    for name in ("linear", "sigmoid", "tanh", "relu", "leaky-relu", "elu", "maxout"):
        assert f"\n{name} " in shown
    rows = json.loads((tmp_path / "c.json").read_text())["activations"]
    assert [row["variant"] for row in rows][-1] == "maxout"
    page = (tmp_path / "c" / "comparison.html").read_text()
    assert "Activations in mlp" in page
    assert page.count('<li class="s') == 4 * 7  # from the first step on, by epoch, validation, gradient by depth


def test_a_model_without_activations_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "activations", "logistic-regression") == 2
    assert "activation" in capsys.readouterr().err
