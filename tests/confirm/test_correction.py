from __future__ import annotations

import codecs

import pytest

from unstuck.confirm.correction import EDITS, OF_NUMBERS, Given, apply, correction, unchanged
from unstuck.confirm.edit import Edit, EditError
from unstuck.errors import ArgumentError
from unstuck.record import Finding, Run, RunWriter, facts
from unstuck.record.finding import Where
from unstuck.record.invocation import digest
from unstuck.remedies import CATALOGUE

SOURCE = """opt = torch.optim.SGD(net.parameters(), lr=1e-5)
for x, y in data:
    out = F.softmax(net(x), dim=0)
    loss = F.cross_entropy(out, y)
    loss.backward()
    opt.step()
"""


GROUP = facts.ParameterGroup(parameters=2, learning_rate=1e-5, weight_decay=0.0, momentum=0.0)


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(SOURCE)
    return tmp_path / "train.py"


@pytest.fixture
def run(tmp_path, script):
    with RunWriter(tmp_path / "run") as writer:
        writer.state(facts.Optimizer(type="SGD", groups=(GROUP,), file=str(script), line=1))
        writer.state(facts.Loss(function="cross_entropy", output=facts.LossOutput(operation="Softmax")))
        writer.describe(facts.Invocation(target="train.py", sources=(str(script),), digests=(digest(script),)))
    with Run.open(tmp_path / "run") as opened:
        yield opened


def finding(script, line):
    return Finding(
        code="O202",
        cause="lr-too-low",
        severity="error",
        confidence=1,
        summary="s",
        advice="a",
        where=Where(file=str(script), line=line),
    )


@pytest.mark.parametrize(
    ("changes", "line", "removed", "added"),
    [
        (("learning-rate", {"rate": 0.1}), 1, "lr=1e-5", "lr=0.1"),
        (("weight-decay", {"weight_decay": 0.0}), 4, "lr=1e-5)", "lr=1e-5, weight_decay=0.0)"),
        (("gradients-cleared", {}), 5, None, "+    opt.zero_grad()"),
        (("output-activation", {"at": "loss"}), 3, "F.softmax(net(x), dim=0)", "out = net(x)"),
        (("softmax-axis", {"given": 0, "axis": 1, "dimensions": 2}), 3, "dim=0", "dim=1"),
    ],
)
def test_a_change_becomes_a_diff(run, script, changes, line, removed, added):
    edit = correction((changes,), finding(script, line), run)
    assert isinstance(edit, Edit)
    minus = [text for text in edit.diff.splitlines() if text.startswith("-") and not text.startswith("---")]
    plus = [text for text in edit.diff.splitlines() if text.startswith("+") and not text.startswith("+++")]
    assert len(plus) == 1
    assert added in plus[0]
    assert minus == [] if removed is None else removed in minus[0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ((("learning-rate", {"factor": 0.1}),), "a factor is no number"),
        ((("wider", {"factor": 2}),), "the change is no edit of a line"),
        ((("softmax-axis", {"given": 0, "axis": 0, "dimensions": 2}),), "the source is as it should be"),
        ((("learning-rate", {"rate": 0.1}), ("weight-decay", {"weight_decay": 0.0})), "two changes"),
    ],
)
def test_why_there_is_no_edit_is_said(run, script, changes, why):
    with pytest.raises(EditError, match=why):
        correction(changes, finding(script, 1), run)


def test_each_edit_is_of_a_remedy():
    assert set(EDITS) <= set(CATALOGUE)
    assert set(OF_NUMBERS) <= set(EDITS)


def test_a_file_that_is_gone_is_said(run, script):
    script.unlink()
    with pytest.raises(EditError, match="cannot be read"):
        correction((("learning-rate", {"rate": 0.1}),), finding(script, 1), run)


def test_it_is_made_and_a_backup_is_kept(run, script):
    edit = correction((("learning-rate", {"rate": 0.1}),), finding(script, 1), run)
    assert isinstance(edit, Edit)
    assert script.read_text() == SOURCE
    backup = apply(edit, run)
    assert script.read_text() == SOURCE.replace("1e-5", "0.1")
    assert backup.read_text() == SOURCE
    with pytest.raises(ArgumentError, match="has changed since the run"):
        apply(edit, run)


def test_a_byte_order_mark_is_kept(script, tmp_path):
    script.write_bytes(codecs.BOM_UTF8 + SOURCE.encode())
    with RunWriter(tmp_path / "marked") as writer:
        writer.state(facts.Optimizer(type="SGD", groups=(GROUP,), file=str(script), line=1))
        writer.describe(facts.Invocation(target="train.py", sources=(str(script),), digests=(digest(script),)))
    with Run.open(tmp_path / "marked") as opened:
        edit = correction((("learning-rate", {"rate": 0.1}),), finding(script, 1), opened)
        assert isinstance(edit, Edit)
        assert "\ufeff" not in edit.diff
        backup = apply(edit, opened)
    assert script.read_bytes() == codecs.BOM_UTF8 + SOURCE.replace("1e-5", "0.1").encode()
    assert backup.read_bytes() == codecs.BOM_UTF8 + SOURCE.encode()


def test_an_earlier_backup_is_not_overwritten(run, script):
    edit = correction((("learning-rate", {"rate": 0.1}),), finding(script, 1), run)
    assert isinstance(edit, Edit)
    script.with_name("train.py.orig").write_text("mine")
    with pytest.raises(ArgumentError, match="move it away"):
        apply(edit, run)
    assert script.read_text() == SOURCE
    assert unchanged(script, run)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("learning-rate", {"rate": 0.003}), "Train it with --set optimizer.lr=0.003, or write it into the recipe."),
        (("weight-decay", {"weight_decay": 0.0}), "--set optimizer.weight_decay=0.0"),
    ],
)
def test_a_number_of_a_recipe_is_changed_by_its_key(tmp_path, script, changes, said):
    with RunWriter(tmp_path / "run") as writer:
        writer.state(facts.Recipe(text="[optimizer]\nlr = 1e-6\n"))
        writer.state(facts.Optimizer(type="SGD", groups=(GROUP,)))
    with Run.open(tmp_path / "run") as opened:
        assert said in str(correction((changes,), finding(script, None), opened))


def test_a_number_of_the_command_line_is_changed_there(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("p.add_argument('--lr', type=float)\nargs = p.parse_args()\nopt = SGD(net, lr=args.lr)\n")
    with RunWriter(tmp_path / "run") as writer:
        writer.state(facts.Optimizer(type="SGD", groups=(GROUP,), file=str(script), line=3))
        writer.describe(facts.Invocation(target="train.py", args=("--lr", "1e-5")))
    with Run.open(tmp_path / "run") as opened:
        given = correction((("learning-rate", {"rate": 0.1}),), finding(script, 3), opened)
    assert given == Given(option="--lr", value=0.1)
    assert str(given) == "Start it with --lr 0.1: the value was given on the command line."


def test_the_line_that_steps_an_optimizer_is_not_the_one_that_makes_it(tmp_path, script):
    with RunWriter(tmp_path / "run") as writer:
        writer.state(facts.Optimizer(type="SGD", file=str(script), line=6))
    with Run.open(tmp_path / "run") as opened, pytest.raises(EditError, match="line 6 holds no call of SGD"):
        correction((("learning-rate", {"rate": 0.1}),), finding(script, 3), opened)
