from __future__ import annotations

import pytest

from unstuck.confirm.argument import Argument, OptionError, set_argument
from unstuck.confirm.edit import EditError

RATE = Argument(name="lr", of=("SGD",), position=1, was=1.0)
AXIS = Argument(name="dim", of=("softmax", "Softmax"), position=-1, was=0)

MANY_LINES = """import torch

optimizer = torch.optim.SGD(
    net.parameters(),
    lr = 1.0,  # far too high
    momentum=0.9,
)
"""


@pytest.mark.parametrize("line", [3, 5])
def test_only_the_value_changes(line):
    assert set_argument(MANY_LINES, line, RATE, 0.01) == MANY_LINES.replace("1.0,", "0.01,")


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("o = SGD(p, 1.0, momentum=0.9)", "o = SGD(p, 0.01, momentum=0.9)"),
        ("o = SGD(p)", "o = SGD(p, lr=0.01)"),
        ("o = SGD()", "o = SGD(lr=0.01)"),
        ("o = SGD((p))", "o = SGD((p), lr=0.01)"),
        ("o = SGD(\n  (p),  # is it )?\n)", "o = SGD(\n  (p), lr=0.01,  # is it )?\n)"),
        ('o = f("über", SGD(p, lr=1.0))', 'o = f("über", SGD(p, lr=0.01))'),
        ("o = make(net, lr=1.0)", "o = make(net, lr=0.01)"),
        ('o = SGD([{"params": p, "lr": 1.0}], lr=3)', 'o = SGD([{"params": p, "lr": 0.01}], lr=3)'),
        ("CONFIG = dict(lr=1.0)\no = SGD(p, **CONFIG)", "CONFIG = dict(lr=0.01)\no = SGD(p, **CONFIG)"),
    ],
)
def test_where_an_argument_may_stand(source, wanted):
    assert set_argument(source, len(source.splitlines()) if "CONFIG" in source else 1, RATE, 0.01) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("y = F.softmax(x, 0)", "y = F.softmax(x, 1)"),
        ("y = x.softmax(0)", "y = x.softmax(1)"),
        ("y = F.softmax(x)", "y = F.softmax(x, dim=1)"),
        ("net = Sequential(a, nn.Softmax(dim=0))", "net = Sequential(a, nn.Softmax(dim=1))"),
    ],
)
def test_an_axis_is_the_last_argument(source, wanted):
    assert set_argument(source, 1, AXIS, 1) == wanted


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("opt.step()", "line 1 holds no call of SGD"),
        ("x = 1", "line 1 holds no call"),
        ('o = SGD([{"params": p, "lr": 1.0}, {"params": q}])', "several parameter groups"),
        ("o = SGD(p, **from_elsewhere)", r"where the value of `lr=from_elsewhere\['lr'\]` is written is not known"),
        ("o = SGD(p, lr=args.lr * 2)", r"where the value of `lr=args.lr \* 2` is written is not known"),
        (
            "RATE = float(os.environ['RATE']); o = SGD(p, lr=RATE)",
            "where the value of `lr=RATE` is written is not known",
        ),
        ("o = SGD(p, lr=0.5)", "where the value of `lr=0.5` is written is not known"),
        ("def f(:", "not Python"),
    ],
)
def test_what_cannot_be_changed_for_sure_is_refused(source, why):
    with pytest.raises(EditError, match=why):
        set_argument(source, 1, RATE, 0.01)


def test_an_option_of_the_command_line_is_named():
    source = "parser.add_argument('--lr', default=0.1)\no = SGD(p, lr=args.lr)"
    with pytest.raises(OptionError) as refused:
        set_argument(source, 2, RATE, 0.01, args=["--lr", "1.0"])
    assert refused.value.option == "--lr"


def test_a_name_that_leads_nowhere_is_left_alone():
    source = "def build(lr):\n    return SGD(p, lr=lr)\nfor lr in (1.0, 0.1):\n    build(lr)\n"
    with pytest.raises(EditError, match="where the value of `lr=lr` is written is not known"):
        set_argument(source, 2, RATE, 0.01)


def test_what_was_is_not_known_makes_way_where_it_is_written_out():
    betas = Argument(name="betas", of=("Adam",))
    assert set_argument("Adam(p, betas=(0.5, 0.9))", 1, betas, (0.9, 0.99)) == "Adam(p, betas=(0.9, 0.99))"
    with pytest.raises(EditError, match=r"where the value of `betas=\(a.first, 0.9\)` is written is not known"):
        set_argument("Adam(p, betas=(a.first, 0.9))", 1, betas, (0.9, 0.99))
