"""What an installation without extras can do, and what it says where it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXTRAS = (
    "numba",
    "llvmlite",
    "scipy",
    "sklearn",
    "safetensors",
    "tomli_w",
    "mlxtend",
    "matplotlib",
    "pyarrow",
    "PIL",
    "kornia",
    "optuna",
    "ray",
)

HIDE = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS!r}))\n"

COMMAND = HIDE + "from unstuck.cli.main import main; main()"

SCRIPT = """
import torch
from torch import nn

torch.manual_seed(0)
centres = torch.randn(10, 64)
labels = torch.randint(0, 10, (600,))
pixels = centres[labels] + 0.5 * torch.randn(600, 64)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    order = torch.randperm(600)
    for batch in order.split(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
        optimizer.step()
"""

FACTORY = """
import torch
from torch import nn


def parts():
    torch.manual_seed(0)
    labels = torch.randint(0, 10, (200,))
    pixels = torch.randn(10, 64)[labels] + 0.5 * torch.randn(200, 64)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    return model, nn.CrossEntropyLoss(), list(zip(pixels.split(20), labels.split(20)))
"""


RECIPE = """
data.name = "pokemon"
model.name = "linear"
optimizer = {name = "sgd", lr = 0.1}
train.batch_size = "all"
"""


def python(code: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_script_is_diagnosed_and_reported(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    ran = python(COMMAND, "run", "--out", "out", "train.py", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "It learns" in ran.stderr
    shown = python(COMMAND, "report", "out", "--html", "page.html", "--json", "verdict.json", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert json.loads((tmp_path / "verdict.json").read_text())["verdict"] == "healthy"
    assert (tmp_path / "page.html").is_file()


def test_a_factory_is_checked(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FACTORY)
    done = python(COMMAND, "check", "mine:parts", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "overfits" in done.stdout


@pytest.mark.parametrize("arguments", [("train", "digits"), ("check",)], ids=" ".join)
def test_a_missing_package_is_one_message(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = python(COMMAND, *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "unstuck: scikit-learn is needed for the data set 'digits'; pip install 'unstuck[train]'\n"
    assert not any(tmp_path.iterdir())


def test_weights_are_missed_before_training_begins(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(RECIPE)
    done = python(COMMAND, "train", "own.toml", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "unstuck: safetensors is needed for files of weights; pip install 'unstuck[train]'\n"
    assert [path.name for path in tmp_path.iterdir()] == ["own.toml"]


def test_checks_are_explained(tmp_path: Path) -> None:
    assert python(COMMAND, "explain", "P101", folder=tmp_path).returncode == 0


def test_methods_race_without_a_compiler(tmp_path: Path) -> None:
    done = python(COMMAND, "show", "saddle", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pictures" / "saddle.html").is_file()


def test_every_module_is_imported_without_the_extras(tmp_path: Path) -> None:
    code = HIDE + (
        "import importlib, pkgutil, unstuck\n"
        "names = [m.name for m in pkgutil.walk_packages(unstuck.__path__, 'unstuck.')]\n"
        "for name in names:\n"
        "    needs_numba = name.endswith(('optim.intrinsics', 'optim.loops'))\n"
        "    if not needs_numba and not name.endswith('__main__') and not name.startswith('unstuck.testing.'):\n"
        "        importlib.import_module(name)\n"
    )
    done = python(code, folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_run_imports_nothing_that_its_verdict_does_not_use(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import torch")
    code = (
        "import sys, atexit\n"
        "foreign = ('numba', 'scipy', 'sklearn', 'safetensors', 'matplotlib', 'jinja2')\n"
        "ours = ('unstuck.train', 'unstuck.data', 'unstuck.optim', 'unstuck.preflight', 'unstuck.report.html')\n"
        "atexit.register(lambda: print(sorted({*foreign, *ours} & set(sys.modules))))\n"
        "from unstuck.cli.main import main; main()"
    )
    done = python(code, "run", "--out", "out", "train.py", folder=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
