from __future__ import annotations

import ast
import shutil
import subprocess

import pytest

from unstuck.confirm.edit import Edit, EditError, insert_before, nodes_at, parsed, span, unwrap, updates_beside

MANY_LINES = """import torch

optimizer = torch.optim.SGD(
    net.parameters(),
    lr = 1.0,  # far too high
    momentum=0.9,
)
"""


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


def test_what_is_no_python_is_refused():
    with pytest.raises(EditError, match="not Python"):
        insert_before("def f(:", 1, "f()")


def test_lines_without_what_is_wanted():
    with pytest.raises(EditError, match="line 9 holds no statement"):
        insert_before("x = 1\n", 9, "f()")


def test_a_node_is_found_in_characters_behind_a_form_feed():
    source = 'x = "über"\n\f\ny = f("ü", 3)\n'
    call = nodes_at(parsed(source), 3, ast.Call)[0]
    start, end = span(source, call)
    assert source[start:end] == 'f("ü", 3)'


def test_paths_below_the_working_directory_are_told_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = Edit(file=str(tmp_path / "sub" / "train.py"), before="a\n", after="b\n")
    assert inside.diff.startswith("--- sub/train.py\n+++ sub/train.py\n")
    assert Edit(file="/elsewhere/train.py", before="a\n", after="b\n").diff.startswith("--- /elsewhere/train.py\n")


@pytest.mark.skipif(shutil.which("patch") is None, reason="no patch(1)")
@pytest.mark.parametrize("ending", ["\n", ""])
def test_the_diff_can_be_applied(tmp_path, ending):
    file = tmp_path / "train.py"
    before = MANY_LINES.rstrip("\n") + ending
    file.write_text(before)
    edit = Edit(file="train.py", before=before, after=before.replace("1.0", "0.01"))
    subprocess.run(["patch", "-p0"], cwd=tmp_path, input=edit.diff, text=True, check=True, capture_output=True)
    assert file.read_text() == edit.after


def test_of_several_statements_at_a_line_the_one_that_calls_is_meant() -> None:
    source = "for x in y:\n    loss(x).backward(); opt.step()\n"
    changed = insert_before(source, 2, "opt.zero_grad()", calling="backward")
    assert changed == "for x in y:\n    opt.zero_grad()\n    loss(x).backward(); opt.step()\n"
    with pytest.raises(EditError, match="that calls backward"):
        insert_before(source, 1, "opt.zero_grad()", calling="backward")


@pytest.mark.parametrize(
    ("source", "line", "beside"),
    [
        ("loss.backward()\nscaler.step(opt)\n", 1, True),
        ("def train(model, optimizer):\n    loss.backward()\n    optimizer.step()\n", 2, False),  # another name
        ("for x in data:\n    for part in x:\n        loss(part).backward()\n    opt.step()\n", 3, False),
        ("opt.step()\nloss.backward()\n", 2, False),
        ("loss.backward()\nif ready:\n    opt.step()\n", 1, False),  # gradients of several are added up
    ],
)
def test_an_update_is_beside_a_backward_pass_in_its_own_block(source: str, line: int, beside: bool) -> None:
    assert updates_beside(source, line, calling="backward", name="opt") == beside
