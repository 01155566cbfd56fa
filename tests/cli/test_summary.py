import pytest

from unstuck.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["unstuck", "summary", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_the_arithmetic_of_a_recipe_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--set", "model={name='cnn', channels=[4], hidden=[], kernel=5}"]
    assert run(monkeypatch, "digits", *sizes) == 0
    shown = capsys.readouterr().out
    assert "(8 - 5 + 2·2)/1 + 1 = 8" in shown
    assert "5·5·1·4 + 4 = 104" in shown
    assert "754 parameters, 86.2% of them in fully connected layers" in shown
    assert "7,040 multiply-adds" in shown


def test_keys_are_refused_for_a_function(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "package.module:function", "--set", "seed=1") == 2
    assert "--set" in capsys.readouterr().err
