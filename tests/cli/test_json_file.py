import json
import subprocess
import sys
from pathlib import Path

import pytest

from unstuck.cli.json_file import check_json, write_json
from unstuck.errors import RunWriteError


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    write_json(tmp_path / "figures.json", {"rate": 0.1, "none": None})
    assert json.loads((tmp_path / "figures.json").read_text("utf-8")) == {"rate": 0.1, "none": None}


def test_a_file_that_cannot_be_written_is_found_out_before(tmp_path: Path) -> None:
    for act in (check_json, lambda file: write_json(file, {})):
        with pytest.raises(RunWriteError, match=r"--json .*no/figures.json: cannot be written \(No such file"):
            act(tmp_path / "no" / "figures.json")


def test_finding_out_leaves_no_trace(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    check_json(None)
    check_json(file)
    assert not file.exists()
    file.write_text("kept")
    check_json(file)
    assert file.read_text() == "kept"


def test_a_folder_that_will_be_made_is_not_missed(tmp_path: Path) -> None:
    check_json(tmp_path / "run" / "figures.json", made=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_it_takes_no_rules_to_write_one() -> None:
    script = "import sys, unstuck.cli.json_file; print('unstuck.rules' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "False"
