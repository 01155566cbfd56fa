from __future__ import annotations

import ast

import pytest

from unstuck.confirm.written import Option, entries, last_name, written

PLACES = {
    "at the call": "opt = SGD(p, lr=1.0)  # here",
    "arithmetic": "opt = SGD(p, lr=10 ** -2 * 100)  # here",
    "a constant": "RATE = 1.0  # here\nopt = SGD(p, lr=RATE)",
    "two at once": "RATE, EPOCHS = 1.0, 5  # here\nopt = SGD(p, lr=RATE)",
    "annotated": "RATE: float = 1.0  # here\nopt = SGD(p, lr=RATE)",
    "a dictionary": "C = {\n 'lr': 1.0,  # here\n}\nopt = SGD(p, lr=C['lr'])",
    "a dictionary in one": "C = {'o': {\n 'lr': 1.0,  # here\n}}\nopt = SGD(p, lr=C['o']['lr'])",
    "by dict": "C = dict(\n lr=1.0,  # here\n)\nopt = SGD(p, lr=C['lr'])",
    "with a default": "C = {}\nopt = SGD(p, lr=C.get('lr', 1.0))  # here",
    "an entry that is set": "C = {}\nC['lr'] = 1.0  # here\nopt = SGD(p, lr=C['lr'])",
    "a field of a class": "class C:\n    lr: float = 1.0  # here\nc = C()\nopt = SGD(p, lr=c.lr)",
    "given to the class": "class C:\n    lr: float = 0.5\nc = C(lr=1.0)  # here\nopt = SGD(p, lr=c.lr)",
    "a default of a function": "def f(lr=1.0):  # here\n    return SGD(p, lr=lr)\nf()",
    "by keyword only": "def f(*, lr=1.0):  # here\n    return SGD(p, lr=lr)\nf()",
    "what a function is given": "def f(n, lr=0.5):\n    return SGD(p, lr=lr)\nf(n, 1.0)  # here",
    "an argument of a method": (
        "class T:\n    def __init__(self, net, lr):\n        self.lr = lr\n"
        "    def begin(self):\n        return SGD(p, lr=self.lr)\nT(net, 1.0)  # here"
    ),
    "argparse": "parser.add_argument('--lr', type=float, default=1.0)  # here\nopt = SGD(p, lr=args.lr)",
    "click": "@click.option('--lr', default=1.0)  # here\ndef main(lr):\n    return SGD(p, lr=lr)",
    "as a float": "RATE = 1  # here\nopt = SGD(p, lr=float(RATE))",
}


def place(source: str, number: float = 1.0, args: tuple[str, ...] = ()):
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and last_name(node.func) == "SGD"]
    return written(tree, calls[0].keywords[0].value, number, args)


@pytest.mark.parametrize("source", PLACES.values(), ids=PLACES)
def test_where_it_is_written(source):
    found = place(source)
    assert isinstance(found, ast.expr)
    assert source.splitlines()[found.lineno - 1].endswith("# here")


@pytest.mark.parametrize(
    "source",
    [
        "RATE = 0.5\nopt = SGD(p, lr=RATE)",
        "RATE = 1.0\nRATE = 1.0\nopt = SGD(p, lr=RATE)",
        "opt = SGD(p, lr=base * 1.0)",
        "opt = SGD(p, lr=1 / 0)",
        "def f(lr):\n    return SGD(p, lr=lr)\nf(1.0)\nf(1.0)",
        "a = b\nb = a\nopt = SGD(p, lr=a)",
        "opt = SGD(p, lr=True)",
    ],
)
def test_what_is_not_certain_is_no_place(source):
    assert place(source) is None


@pytest.mark.parametrize("given", [("--lr", "1.0"), ("--lr=1.0",)])
@pytest.mark.parametrize("kind", ["argparse", "click"])
def test_an_option_that_was_given_stands_before_its_default(kind, given):
    assert place(PLACES[kind], args=given) == Option("--lr")


SHORT = {
    "argparse": "p.add_argument('-l', '--learning-rate', dest='lr', default=1.0)\nSGD(p, lr=args.lr)",
    "click": "@click.option('--lr', '-l', default=1.0)\ndef main(lr):\n    return SGD(p, lr=lr)",
    "typer": "def main(lr: float = typer.Option(1.0, '--lr', '-l')):\n    return SGD(p, lr=lr)",
}


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("given", [("-l", "1.0"), ("-l1.0",), ("-vl", "1.0"), ("-l=1.0",)])
def test_an_option_that_was_given_by_its_short_name_is_known(kind, given):
    assert place(SHORT[kind], args=given) == Option("-l")


@pytest.mark.parametrize("given", [("-v",), ("--all",), ("2-l",)])
def test_other_words_are_not_that_option(given):
    assert not isinstance(place(SHORT["argparse"], args=given), Option)


def test_entries_and_names():
    assert [ast.unparse(one) for one in entries(ast.parse("{'lr': 1, 'b': 2}", mode="eval").body, "b")] == ["2"]
    assert entries(ast.parse("f(b=2)", mode="eval").body, "b") == []
    assert last_name(ast.parse("a.b.c", mode="eval").body) == "c"
    assert last_name(ast.parse("f()()", mode="eval").body) == ""
