"""Trainings in the style of libraries' documentation, healthy and with faults. ``make test-libraries`` runs these.

Each script of ``programs/`` is run as it is and watched; ``NAME-FAULT.patch`` puts a fault into ``NAME.py``. What is
right to say of them stands in ``manifest.toml``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.zoo.cases import apply, tomllib

PROGRAMS = Path(__file__).parent / "programs"
MANIFEST = tomllib.loads((PROGRAMS.parent / "manifest.toml").read_text(encoding="utf-8"))
TIMES = re.compile(r"'[a-z_]*(runtime|per_second)': '[^']*'")
"""What trainers print of the time that they took."""

LIMIT_SECONDS = 1200
"""How long one run of a script may take, which is 5 to 20 s on a machine that nobody else uses."""


def script_of(name: str) -> str:
    return name.partition(".")[0].partition("-")[0]


def missing(name: str) -> list[str]:
    """The packages that a program needs, as far as they are not installed."""
    needed = MANIFEST["needs"][script_of(name)]
    return [package for package in needed if importlib.util.find_spec(package) is None]


def programs(sick: bool) -> list[object]:
    """The programs of one kind: skipped where their library is missing, expected to fail where a fault is not seen."""
    return [
        pytest.param(
            name,
            marks=[
                pytest.mark.skipif(bool(missing(name)), reason=f"not installed: {', '.join(missing(name))}"),
                pytest.mark.xfail("unseen" in known, reason=str(known.get("unseen")), strict=True),
            ],
        )
        for name, known in MANIFEST["programs"].items()
        if name.endswith(".patch") == sick
    ]


def folder_with(name: str, folder: Path) -> Path:
    """A copy of the programs with the fault put in."""
    shutil.copytree(PROGRAMS, folder)
    if name.endswith(".patch"):
        apply(PROGRAMS / name, folder)
    return folder


def run(folder: Path, *command: str) -> str:
    """What a program prints; what it writes stays in its folder, and nothing is fetched."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def watch(folder: Path, *command: str) -> tuple[str, dict]:
    """What a watched program prints, and the verdict."""
    printed = run(folder, "-m", "unstuck", "run", "--out", "run", "--json", "verdict.json", *command)
    return printed, json.loads((folder / "verdict.json").read_text(encoding="utf-8"))


def alarms(verdict: dict) -> list[dict]:
    return [finding for finding in verdict["findings"] if finding["severity"] != "note"]


def assert_places_are_the_user_s(verdict: dict, folder: Path) -> None:
    for finding in verdict["findings"]:
        file = finding["where"]["file"] if finding["where"] else None
        assert file is None or Path(file).is_relative_to(folder), finding


@pytest.mark.slow
@pytest.mark.parametrize("name", programs(sick=False))
def test_a_healthy_training_prints_the_same_and_raises_no_alarm(name: str, tmp_path: Path) -> None:
    script = f"{script_of(name)}.py"
    plain = run(folder_with(name, tmp_path / "plain"), script)
    printed, verdict = watch(folder_with(name, tmp_path / "watched"), script)
    assert TIMES.sub("", printed) == TIMES.sub("", plain)
    assert not alarms(verdict)
    assert verdict["verdict"] == MANIFEST["programs"][name].get("verdict", "healthy")
    assert not verdict["gaps"]
    assert_places_are_the_user_s(verdict, tmp_path / "watched")


@pytest.mark.slow
@pytest.mark.parametrize("name", programs(sick=True))
def test_a_faulty_training_is_found_or_not_called_healthy(name: str, tmp_path: Path) -> None:
    _, verdict = watch(folder_with(name, tmp_path / "watched"), f"{script_of(name)}.py")
    expected = MANIFEST["programs"][name]
    first = next((finding["cause"] for finding in alarms(verdict)), None)
    assert first in expected.get("causes", ()) or verdict["verdict"] == expected.get("verdict"), verdict["headline"]
    assert_places_are_the_user_s(verdict, tmp_path / "watched")


@pytest.mark.slow
@pytest.mark.skipif(bool(missing("hydra_digits.py")), reason="Hydra is not installed")
def test_each_job_of_a_multirun_is_judged_by_itself(tmp_path: Path) -> None:
    folder = folder_with("hydra_digits.py", tmp_path / "watched")
    _, verdict = watch(folder, "hydra_digits.py", "--multirun", "optimizer.lr=0.001,1.0", "epochs=6")
    assert [training["kind"] for training in verdict["learning"]] == ["healthy", "findings"]
    (finding,) = alarms(verdict)
    assert (finding["cause"], finding["where"]["training"]["position"]) == ("lr-too-high", 2)
    assert_places_are_the_user_s(verdict, folder)


@pytest.mark.slow
@pytest.mark.skipif(bool(missing("accelerate_digits.py")), reason="Accelerate is not installed")
def test_what_a_launcher_runs_in_this_process_is_watched(tmp_path: Path) -> None:
    folder = folder_with("accelerate_digits.py", tmp_path / "watched")
    launched = 'notebook_launcher(runpy.run_path, ("accelerate_digits.py",), num_processes=1)'
    (folder / "launched.py").write_text(f"import runpy\nfrom accelerate import notebook_launcher\n\n{launched}\n")
    _, verdict = watch(folder, "launched.py")
    assert (verdict["verdict"], len(verdict["learning"]), alarms(verdict)) == ("healthy", 1, [])


@pytest.mark.slow
@pytest.mark.skipif(bool(missing("optuna_digits.py")), reason="Optuna is not installed")
def test_each_trial_of_a_study_is_a_training(tmp_path: Path) -> None:
    _, verdict = watch(folder_with("optuna_digits.py", tmp_path / "watched"), "optuna_digits.py")
    assert [training["training"]["position"] for training in verdict["learning"]] == [1, 2, 3, 4, 5]


def test_every_library_has_a_healthy_script_and_two_faults() -> None:
    on_disk = {path.name for pattern in ("*.py", "*.patch") for path in PROGRAMS.glob(pattern)}
    assert on_disk == set(MANIFEST["programs"])
    for script in {script_of(name) for name in on_disk}:
        assert sum(script_of(name) == script for name in on_disk) >= 3, script
        assert MANIFEST["needs"][script]


def test_every_fault_can_be_put_into_its_script(tmp_path: Path) -> None:
    for name in MANIFEST["programs"]:
        folder = folder_with(name, tmp_path / name)
        compile((folder / f"{script_of(name)}.py").read_text(encoding="utf-8"), name, "exec")
