"""The tree, the manifest and the patches of the zoo."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.zoo.cases import ZOO, Case, apply, cases, manifest, origins
from unstuck.record.causes import CAUSES

CASES = cases()
SICK = [case for case in CASES if case.sick]
MOST_CHANGED_LINES = 12


def test_the_manifest_lists_every_script_once_and_in_order() -> None:
    names = [case.name for case in CASES]
    scripts = {str(path.relative_to(ZOO)) for suffix in ("py", "patch") for path in ZOO.glob(f"*/*.{suffix}")}
    assert names == sorted(scripts)


def test_what_a_training_reached_comes_with_the_pattern_that_finds_it() -> None:
    for name, entry in manifest()["scripts"].items():
        assert entry.keys() <= {"origin", "also", "about", "figure", "value", "seconds", "crashes"}, name
        assert entry["about"], name
        assert ("figure" in entry) == ("value" in entry), name
        assert re.compile(entry.get("figure", "()")).groups == 1, name


def test_origins_are_explained_and_all_are_used() -> None:
    assert {case.origin for case in CASES} == set(origins())


def test_folders_and_further_right_answers_are_root_causes() -> None:
    assert {cause for case in CASES for cause in case.causes} <= set(CAUSES)
    assert {Path(case.name).parent.name for case in CASES if not case.sick} <= {*CAUSES, "healthy"}


def test_a_name_is_one_healthy_script() -> None:
    stems = [Path(case.name).stem for case in CASES if not case.sick]
    assert len(stems) == len(set(stems))
    assert not [stem for stem in stems if "-" in stem], "a dash stands between a script and its fault"


def test_a_healthy_script_lies_with_its_faults_if_they_are_of_one_cause() -> None:
    causes: dict[str, set[str]] = {}
    for case in SICK:
        causes.setdefault(str(case.twin.relative_to(ZOO)), set()).add(str(case.cause))
    for case in CASES:
        if not case.sick:
            of_twins = causes.get(case.name, set())
            assert Path(case.name).parent.name == (of_twins.pop() if len(of_twins) == 1 else "healthy"), case.name


@pytest.mark.parametrize("cause", sorted({str(case.cause) for case in SICK}))
def test_every_patch_applies_and_is_small(cause: str, tmp_path: Path) -> None:
    for case in SICK:
        if case.cause != cause:
            continue
        script = case.write(tmp_path)
        compile(script.read_text(encoding="utf-8"), str(script), "exec")
        assert script.name == case.twin.name
        assert script.read_text(encoding="utf-8") != case.twin.read_text(encoding="utf-8")
        assert 0 < changed_lines(ZOO / case.name) <= MOST_CHANGED_LINES, case.name


def changed_lines(patch: Path) -> int:
    lines = patch.read_text(encoding="utf-8").splitlines()
    return sum(line.startswith(("+", "-")) and not line.startswith(("+++", "---")) for line in lines)


@pytest.fixture
def patched(tmp_path: Path) -> tuple[Path, Path]:
    script, patch = tmp_path / "train.py", tmp_path / "train.patch"
    script.write_text("a = 1\nb = 2\n")
    patch.write_text("--- train.py\n+++ train.py\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n")
    return script, patch


def test_a_patch_is_applied_inside_of_a_repository_too(patched: tuple[Path, Path], tmp_path: Path) -> None:
    script, patch = patched
    below = tmp_path / "repository" / "runs"
    below.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(below.parent)], check=True)
    (below / script.name).write_text(script.read_text())
    apply(patch, below)
    assert (below / script.name).read_text() == "a = 1\nb = 3\n"


def test_a_patch_that_does_not_fit_is_an_error(patched: tuple[Path, Path]) -> None:
    script, patch = patched
    script.write_text("something else\n")
    with pytest.raises(subprocess.CalledProcessError):
        apply(patch, script.parent)


def test_of_several_faults_of_one_script_each_has_its_name() -> None:
    twin = Case("mode-wrong/dropout_in_test.py", "with-rules").twin
    assert Case("mode-wrong/dropout_in_test-evaluated.patch", "with-rules").twin == twin
