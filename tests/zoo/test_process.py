"""Scripts run in forked processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.zoo.process import run_forked

pytestmark = pytest.mark.slow


def test_a_script_runs_in_its_folder_with_its_environment_and_leaves_what_it_printed(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import atexit, os, sys\natexit.register(print, 'bye')\nprint(os.environ['SEED'], os.getcwd())\nsys.exit('oh')"
    )
    assert run_forked([str(script)], tmp_path, {"SEED": "3"}, timeout=120)
    assert (tmp_path / "stdout").read_text() == f"3 {tmp_path}\nbye\n"
    assert "oh" in (tmp_path / "stderr").read_text()


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import time\ntime.sleep(1000)")
    assert not run_forked([str(script)], tmp_path, {}, timeout=0.5)
