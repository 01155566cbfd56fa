from __future__ import annotations

import ast

import pytest

from unstuck.confirm.edit import EditError
from unstuck.confirm.sites import Source, calls, in_line, only, read, renamed, rewritten, sites

NET = Source(
    "/home/net.py",
    """import torch
net = Sequential(
    nn.Linear(4, 2),
    nn.Softmax(dim=1),
)
soft = Softmax()
""",
)


def test_a_place_is_named_by_file_and_line():
    first, second = calls([NET], ("Softmax",))
    assert (first.place, first.text) == ("net.py:4", "nn.Softmax(dim=1)")
    assert in_line([first, second], "/home/net.py", 6) == [second]
    assert [one.node.lineno for one in in_line(sites([NET], ast.Call), "/home/net.py", 4)] == [2, 4]


def test_of_none_and_of_several_none_is_taken():
    with pytest.raises(EditError, match=r"a softmax stands in several places \(net.py:4, net.py:6\)"):
        only(calls([NET], ("Softmax",)), "a softmax")
    twice = calls([Source("a.py", "f(f())")], ("f",))
    with pytest.raises(EditError, match=r"several places \(a.py:1\)"):
        only(twice, "f")
    with pytest.raises(EditError, match="a sigmoid does not stand in the program's own files"):
        only(calls([NET], ("Sigmoid",)), "a sigmoid")


def test_only_what_is_meant_is_rewritten():
    first, second = calls([NET], ("Softmax",))
    edit = rewritten([(second, "None"), renamed(first, "Identity")])
    assert edit.after == NET.text.replace("nn.Softmax", "nn.Identity").replace("= Softmax()", "= None")
    with pytest.raises(EditError, match="Softmax is imported by its name"):
        renamed(second, "Identity")
    with pytest.raises(EditError, match="several files"):
        rewritten([(first, ""), (calls([Source("b.py", "f()")], ("f",))[0], "")])


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(EditError, match="cannot be read"):
        read(str(tmp_path / "gone.py"))
