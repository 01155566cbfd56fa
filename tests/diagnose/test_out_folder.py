from pathlib import Path

import pytest

from unstuck.diagnose.out_folder import begin_run, discard_run
from unstuck.errors import RunWriteError


def test_only_what_was_made_for_a_run_is_removed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "data").write_text("kept")
    for out, left in (("deep/er/run", ["theirs"]), ("theirs", ["theirs"]), ("theirs/run", ["theirs"])):
        writer, made = begin_run(tmp_path / out, "script")
        writer.close()
        discard_run(writer.path, made)
        assert [path.name for path in tmp_path.iterdir()] == left
        assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["data"]


def test_a_run_that_is_there_stays(tmp_path: Path) -> None:
    begin_run(tmp_path / "run", "script")[0].close()
    before = (tmp_path / "run" / "run.sqlite").read_bytes()
    with pytest.raises(RunWriteError, match="there is a run already"):
        begin_run(tmp_path / "run", "script")
    assert (tmp_path / "run" / "run.sqlite").read_bytes() == before


def test_a_folder_of_our_own_is_named_after_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writer, made = begin_run(None, "script")
    writer.close()
    assert writer.path.parent == tmp_path / "runs"
    assert writer.path.name.endswith("-script")
    discard_run(writer.path, made)
    assert not writer.path.exists()
