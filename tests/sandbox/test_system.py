"""What only some systems have is not needed to import anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from unstuck.sandbox.system import system

AS_ON_WINDOWS = """
import importlib, os, pkgutil, signal, sys
import torch, numpy, rich.progress, typer, sqlite3, multiprocessing.process, multiprocessing.util, subprocess, shutil
import torch.utils.data, tempfile
import unstuck

import pathlib
pathlib.WindowsPath = pathlib.PosixPath
os.name, sys.platform = "nt", "win32"
sys.modules["nt"] = sys.modules["posix"]
for name in ("posix", "fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("fork", "killpg", "setsid", "posix_spawn", "getuid", "geteuid", "WNOHANG", "O_NONBLOCK", "O_PATH"):
    delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGPIPE", "setitimer"):
    delattr(signal, name)
for package in ("unstuck.sandbox", "unstuck.confirm", "unstuck.remedies", "unstuck.find_lr", "unstuck.cli"):
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(module.name)
from unstuck.confirm.obstacles import obstacles
print(obstacles(None))
"""


def test_it_is_the_system_itself():
    assert system.getpid() == os.getpid()
    assert system.__name__ in ("posix", "nt")


@pytest.mark.skipif(os.name == "nt", reason="imitates Windows elsewhere")
def test_on_windows_all_can_be_imported_and_trials_are_refused_with_the_reason():
    made = subprocess.run([sys.executable, "-c", AS_ON_WINDOWS], capture_output=True, text=True, timeout=600)
    assert made.returncode == 0, made.stderr
    assert "Windows cannot" in made.stdout
