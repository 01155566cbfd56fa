"""A user's folder, in which programs run whose writes are redirected."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

REDIRECTED = """
import os, sys, tempfile
from pathlib import Path
import posix
{before}
from unstuck.sandbox.scratch_files import redirect_writes
work = Path.cwd()
redirect_writes([work], real=[work / "runs"], scratch=work.parent / "scratch")

def refused(action):
    try:
        action()
    except PermissionError as error:
        print("refused:", error.strerror)
    else:
        print("not refused")

{body}
"""


@dataclass(frozen=True)
class Work:
    """A user's working directory, in which programs run whose writes are redirected."""

    folder: Path

    def run(self, body: str, *, before: str = "") -> list[str]:
        """Run a program in it; the lines that it prints."""
        scratch = self.folder.parent / "scratch"
        scratch.mkdir()
        script = REDIRECTED.format(body=textwrap.dedent(body), before=before)
        made = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, cwd=self.folder, timeout=300
        )
        assert made.returncode == 0, made.stderr
        return made.stdout.splitlines()

    @property
    def files(self) -> dict[str, str]:
        """What the user has."""
        paths = (path for path in self.folder.rglob("*") if not path.is_dir())
        return {str(path.relative_to(self.folder)): path.read_text() for path in paths}


@pytest.fixture
def work(tmp_path: Path) -> Work:
    folder = tmp_path.resolve() / "work"
    for name in ("runs", "sub"):
        (folder / name).mkdir(parents=True)
    (folder / "old.txt").write_text("old")
    (folder / "sub" / "kept.txt").write_text("kept")
    return Work(folder)
