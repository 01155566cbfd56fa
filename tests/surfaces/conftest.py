"""A browser for the pages."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--virtual-time-budget=4000",
    "--window-size=1400,1500",
)  # fmt: skip


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[Path, str], str]:
    """The page as it stands after its scripts have run, and then a probe of ours, whose policy is lifted for it."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip("no Chromium is installed")

    def look(page: Path, probe: str = "") -> str:
        text = page.read_text(encoding="utf-8")
        if probe:
            policy = text[text.index('<meta http-equiv="Content-Security-Policy"') :]
            text = text.replace(policy[: policy.index(">") + 1], "").replace(
                "</body>", f"<script>{probe}</script></body>"
            )
        probed = tmp_path / "probed.html"
        probed.write_text(text, encoding="utf-8")
        profile = tmp_path / "profile"
        done = subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", probed.as_uri()],
            capture_output=True, text=True, timeout=120, check=True, env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
        return done.stdout

    return look
