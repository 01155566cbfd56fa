"""What a process writes in its private view, tried in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from unstuck.sandbox.private_files import may_hide_writes

pytestmark = pytest.mark.skipif(bool(may_hide_writes()), reason="no private mounts on this system")


def hidden(body: str, folder, real) -> str:
    script = f"""
from pathlib import Path
from unstuck.sandbox.private_files import hide_writes
folder, real = Path({str(folder)!r}), Path({str(real)!r})
hide_writes([folder], real=[real])
{textwrap.dedent(body)}
"""
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=folder)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.fixture
def place(tmp_path):
    folder, real = tmp_path / "work", tmp_path / "work" / "runs" / "trial"
    real.mkdir(parents=True)
    (folder / "old.txt").write_text("old")
    (folder / "sub").mkdir()
    (folder / "sub" / "kept.txt").write_text("kept")
    return folder, real


def test_what_is_written_is_read_back_and_gone_at_the_end(place):
    folder, real = place
    said = hidden(
        """
        Path("new.txt").write_text("new")
        (folder / "old.txt").write_text("overwritten")
        (folder / "sub" / "kept.txt").unlink()
        print(Path("new.txt").read_text(), Path("old.txt").read_text(), (folder / "sub").exists())
        """,
        folder,
        real,
    )
    assert said.split() == ["new", "overwritten", "True"]
    assert sorted(path.name for path in folder.iterdir()) == ["old.txt", "runs", "sub"]
    assert (folder / "old.txt").read_text() == "old"
    assert (folder / "sub" / "kept.txt").read_text() == "kept"


def test_what_is_written_to_a_real_folder_stays(place):
    folder, real = place
    hidden("(real / 'result.txt').write_text('42')", folder, real)
    assert (real / "result.txt").read_text() == "42"


def test_elsewhere_nothing_can_be_written(place, tmp_path):
    folder, real = place
    said = hidden(
        f"""
        try:
            Path({str(tmp_path / "outside.txt")!r}).write_text("x")
        except OSError as error:
            print(error.strerror)
        """,
        folder,
        real,
    )
    assert "Read-only file system" in said
    assert not (tmp_path / "outside.txt").exists()


def test_devices_and_shared_memory_work(place):
    folder, real = place
    said = hidden(
        """
        Path("/dev/null").write_text("x")
        Path("/dev/shm/mine").write_text("x")
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(pool.map(abs, [-3]))
        """,
        folder,
        real,
    )
    assert said.strip() == "[3]"
