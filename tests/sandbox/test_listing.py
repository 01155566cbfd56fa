from __future__ import annotations

import pytest

pytest.importorskip("posix")

from unstuck.sandbox.listing import Listing
from unstuck.sandbox.overlay import Overlay


def test_entries_are_those_of_scandir(tmp_path):
    base = tmp_path.resolve()
    (base / "kept").mkdir()
    (base / "work" / "sub").mkdir(parents=True)
    (base / "work" / "x.txt").write_text("x")
    (base / "work" / "link").symlink_to(base / "work" / "sub")
    (base / "work" / "lost").symlink_to("nowhere")
    overlay = Overlay(base / "kept", [base / "work"], real=[])
    with Listing(overlay, f"{base}/work") as listing:
        found = {entry.name: entry for entry in listing}
    assert {name: (it.is_dir(), it.is_file(), it.is_symlink()) for name, it in found.items()} == {
        "sub": (True, False, False),
        "x.txt": (False, True, False),
        "link": (True, False, True),
        "lost": (False, False, True),
    }
    assert found["x.txt"].__fspath__() == found["x.txt"].path == f"{base}/work/x.txt"
    assert found["x.txt"].stat().st_size == 1
    assert found["x.txt"].inode() == (base / "work" / "x.txt").stat().st_ino
    assert not found["link"].is_dir(follow_symlinks=False)
    assert not found["sub"].is_junction()
    assert {entry.name for entry in Listing(overlay, f"{base}/work".encode())} == {b"sub", b"x.txt", b"link", b"lost"}
