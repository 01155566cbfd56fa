from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from unstuck.sandbox.landlock import MOVES, forbid_writes

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) < MOVES,
    reason="no Landlock on this system",
)


def test_the_kernel_refuses_what_is_written_elsewhere(tmp_path):
    allowed = tmp_path / "allowed"
    (allowed / "sub").mkdir(parents=True)
    (tmp_path / "old.txt").write_text("old")
    script = f"""
import os
from unstuck.sandbox.landlock import forbid_writes
print(forbid_writes(but_below=[{str(allowed)!r}]))
os.chdir({str(tmp_path)!r})
for action in (lambda: open("old.txt", "w"), lambda: open("new.txt", "x"), lambda: os.remove("old.txt")):
    try:
        action()
    except PermissionError as error:
        print(error.strerror)
print(open("old.txt").read(), open("allowed/new.txt", "w").write("new"))
os.rename("allowed/new.txt", "allowed/sub/new.txt")
print(os.system("echo more >> old.txt") == 0)
"""
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert made.stdout.splitlines() == ["True", *["Permission denied"] * 3, "old 3", "False"]
    assert (tmp_path / "old.txt").read_text() == "old"
    assert (allowed / "sub" / "new.txt").read_text() == "new"


def test_a_system_without_it_says_so(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not forbid_writes(but_below=[os.getcwd()])
