from pathlib import Path

import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.preflight import from_factory, run_checks

SOURCE = """
import torch
from torch import nn

def parts():
    x = torch.randn(64, 8)
    model = nn.Linear(8, 3)
    return model, nn.functional.cross_entropy, (x, x[:, :3].argmax(1)), torch.optim.Adam(model.parameters())

def named():
    model, loss, batch, optimizer = parts()
    return {"model": model, "loss": loss, "data": [batch, batch], "optimizer": optimizer, "validation": batch,
            "exclude": ["bias"]}

def two():
    return 1, 2

def no_model():
    return "model", nn.functional.cross_entropy, None

def raises():
    return nn.Linear(3, 3).nothing

number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"described_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_a_tuple_and_a_mapping_are_taken(module: str) -> None:
    torch.manual_seed(0)
    subject = from_factory(f"{module}:parts")
    assert isinstance(subject.optimizer, torch.optim.Adam)
    assert run_checks(subject)["parameters are reached"].status == "passed"
    named = from_factory(f"{module}:named")
    assert len(named.batches) == 2
    assert list(named.exclude) == ["bias"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        (":two", "it returns tuple"),
        (":no_model", "its model is str"),
        (":missing", "has no function 'missing'"),
        (":raises", r"it raised AttributeError: .*nothing.* \(described_.*py, line \d+\)"),
        (":number", "has no function 'number'"),
        ("", "package.module:function"),
        ("_x:parts", "cannot be imported"),
    ],
)
def test_what_is_none_is_refused_in_a_word(module: str, name: str, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        from_factory(module + name)


def test_a_module_that_does_not_compile_is_refused_in_a_word(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}_broken.py").write_text("def parts(:\n")
    with pytest.raises(ArgumentError, match="raised SyntaxError"):
        from_factory(f"{module}_broken:parts")
