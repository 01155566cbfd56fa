from __future__ import annotations

import pytest

pytest.importorskip("posix")

from unstuck.sandbox.removed import Removed


def test_what_lies_below_is_removed_too_and_others_see_it(tmp_path):
    mine, other = (Removed(str(tmp_path / "removed")) for _ in range(2))
    assert "/a" not in other
    mine.add("/a/line\nbreak")
    mine.add("/b")
    assert "/a/line\nbreak/deep" in other
    assert "/b" in other
    assert "/a" not in other
    assert "/bc" not in other
