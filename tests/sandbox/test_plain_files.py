from __future__ import annotations

import pytest

pytest.importorskip("posix")

from unstuck.sandbox.plain_files import copy_file, is_folder, is_there, lies_below, parent, parts


def test_paths():
    assert parts("/a//./b/..") == ["..", "b", "a"]
    assert (parent("/a/b"), parent("/a")) == ("/a", "/")
    assert lies_below("/a/b", ["/a"])
    assert lies_below("/a", ["/a"])
    assert not lies_below("/ab", ["/a"])


def test_files(tmp_path):
    (tmp_path / "x").write_bytes(bytes(range(256)) * 9000)
    (tmp_path / "link").symlink_to("nowhere")
    copy_file(str(tmp_path / "x"), str(tmp_path / "y"))
    assert (tmp_path / "y").read_bytes() == (tmp_path / "x").read_bytes()
    assert is_there(str(tmp_path / "link"))
    assert not is_there(str(tmp_path / "nowhere"))
    assert is_folder(str(tmp_path))
    assert not is_folder(str(tmp_path / "x"))
