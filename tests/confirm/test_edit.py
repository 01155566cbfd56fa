from __future__ import annotations

import shutil
import subprocess

import pytest

from unstuck.confirm.edit import Edit, EditError, insert_before, set_keyword, unwrap

MANY_LINES = """import torch

optimizer = torch.optim.SGD(
    net.parameters(),
    lr = 1.0,  # far too high
    momentum=0.9,
)
"""


def test_only_the_value_changes():
    assert set_keyword(MANY_LINES, 3, "lr", 0.01) == MANY_LINES.replace("1.0,", "0.01,")
    assert set_keyword(MANY_LINES, 5, "lr", 0.01) == MANY_LINES.replace("1.0,", "0.01,")


def test_a_keyword_that_is_missing_is_added():
    assert "momentum=0.9, weight_decay=0.0,\n)" in set_keyword(MANY_LINES, 3, "weight_decay", 0.0)
    assert set_keyword("f()", 1, "lr", 1) == "f(lr=1)"


def test_the_outermost_call_that_has_the_keyword():
    source = "run(make(params, lr=0.1), epochs=3)"
    assert set_keyword(source, 1, "lr", 0.2) == "run(make(params, lr=0.2), epochs=3)"
    assert set_keyword(source, 1, "epochs", 4) == "run(make(params, lr=0.1), epochs=4)"


def test_columns_count_characters():
    assert set_keyword('f("über", lr=1)', 1, "lr", 2) == 'f("über", lr=2)'


def test_endings_of_lines_are_kept():
    source = "if x:\r\n    loss.backward()\r\n"
    assert insert_before(source, 2, "o.zero_grad()") == "if x:\r\n    o.zero_grad()\r\n    loss.backward()\r\n"


def test_a_statement_after_a_semicolon():
    source = "for x in y: out = f(x); out.backward()\n"
    assert insert_before(source, 1, "o.zero_grad()") == "for x in y: out = f(x); o.zero_grad(); out.backward()\n"


def test_tabs_are_kept():
    assert insert_before("if x:\n\tf()\n", 2, "g()") == "if x:\n\tg()\n\tf()\n"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("y = F.softmax(net(x), dim=1)", "y = net(x)"),
        ("y = torch.softmax(input=net(x), dim=1)", "y = net(x)"),
        ("y = net(x).softmax(dim=1)", "y = net(x)"),
        ("net = Sequential(a, Softmax(1))", "net = Sequential(a)"),
        ("net = Sequential(Softmax(1), b)", "net = Sequential(b)"),
        ("layers = [a, nn.Softmax(dim=-1)]", "layers = [a]"),
        ("act = nn.Softmax(dim=1)", None),
        ("y = net(x)", None),
    ],
)
def test_a_call_is_taken_out(source, wanted):
    if wanted is None:
        with pytest.raises(EditError):
            unwrap(source, 1, ("softmax", "Softmax"))
    else:
        assert unwrap(source, 1, ("softmax", "Softmax")) == wanted


@pytest.mark.parametrize("edit", [lambda s: set_keyword(s, 1, "lr", 1), lambda s: insert_before(s, 1, "f()")])
def test_what_is_no_python_is_refused(edit):
    with pytest.raises(EditError, match="not Python"):
        edit("def f(:")


def test_lines_without_what_is_wanted():
    with pytest.raises(EditError, match="line 1 holds no call"):
        set_keyword("x = 1", 1, "lr", 1)
    with pytest.raises(EditError, match="line 9 holds no statement"):
        insert_before("x = 1\n", 9, "f()")


@pytest.mark.skipif(shutil.which("patch") is None, reason="no patch(1)")
@pytest.mark.parametrize("ending", ["\n", ""])
def test_the_diff_can_be_applied(tmp_path, ending):
    file = tmp_path / "train.py"
    before = MANY_LINES.rstrip("\n") + ending
    file.write_text(before)
    edit = Edit(file="train.py", before=before, after=set_keyword(before, 3, "lr", 0.01))
    subprocess.run(["patch", "-p0"], cwd=tmp_path, input=edit.diff, text=True, check=True, capture_output=True)
    assert file.read_text() == edit.after
