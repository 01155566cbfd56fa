"""The README's own example of a training in Python."""

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.skipif(not README.is_file(), reason="the README stands beside the source alone")
def test_the_example_of_fit_runs() -> None:
    blocks = list(re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL))
    (example,) = [block for block in blocks if "train import fit" in block]
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)
    fitted = names["fitted"]
    assert fitted.reason in ("completed", "early stopping")
    assert fitted.epochs[fitted.best - 1].validation.accuracy > 0.9
