from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.confirm.programs import line_of, ran
from unstuck.confirm import of_loss
from unstuck.confirm.edit import EditError
from unstuck.record import facts

MODULE = """net = nn.Linear(4, 3)
criterion = nn.{name}()
loss = criterion(net(x), y)
"""

FUNCTION = """net = nn.Linear(4, 3)
loss = F.{name}(net(x), y)
"""


def called(programs, body, function, *, operation="Addmm", **known) -> facts.Loss:
    known = {"output": facts.LossOutput(shape=(8, 3), operation=operation), **known}
    return facts.Loss(function=function, file=programs.file, line=line_of(body, "loss ="), **known)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (MODULE.format(name="NLLLoss"), "CrossEntropyLoss"),
        (FUNCTION.format(name="nll_loss"), "cross_entropy"),
    ],
)
def test_another_loss_of_the_same_outputs_and_targets(programs, body, name):
    settings = {"given": "nll_loss", "loss": "cross_entropy"}
    edit = of_loss.loss_replaced(programs.proved(body, settings, called(programs, body, "nll_loss")))
    assert name in edit.after
    names = ran(edit)
    assert torch.equal(names["loss"], F.cross_entropy(names["net"](names["x"]), names["y"]))


def test_targets_get_the_type_and_shape_that_the_other_loss_takes(programs):
    body = "net = nn.Linear(4, 1)\nlabels = y % 2\nloss = F.cross_entropy(net(x), labels)\n"
    target = facts.LossTarget(type="class", shape=(8,))
    fact = called(programs, body, "cross_entropy", output=facts.LossOutput(shape=(8, 1)), target=target)
    settings = {"given": "cross_entropy", "loss": "binary_cross_entropy_with_logits"}
    edit = of_loss.loss_replaced(programs.proved(body, settings, fact))
    assert "F.binary_cross_entropy_with_logits(net(x), labels.float().unsqueeze(-1))" in edit.after
    ran(edit)


@pytest.mark.parametrize(
    ("body", "operation", "why"),
    [
        (FUNCTION.format(name="nll_loss"), "Softmax", "the softmax before the loss is to be taken out too"),
        (FUNCTION.format(name="nll_loss").replace("y)", "y, weight=None)"), "Addmm", "more than the other loss takes"),
        (FUNCTION.format(name="nll_loss").replace("F.", ""), "Addmm", "imported by its name"),
        (MODULE.format(name="NLLLoss") + "other = nn.NLLLoss()\n", "Addmm", "in several places"),
    ],
)
def test_why_no_other_loss_is_written(programs, body, operation, why):
    settings = {"given": "nll_loss", "loss": "cross_entropy"}
    with pytest.raises(EditError, match=why):
        of_loss.loss_replaced(programs.proved(body, settings, called(programs, body, "nll_loss", operation=operation)))


def test_a_sum_becomes_a_mean(programs):
    body = MODULE.format(name="CrossEntropyLoss").replace("Loss()", "Loss(reduction='sum')")
    fact = called(programs, body, "cross_entropy", reduction="sum", target=facts.LossTarget(shape=(8,)))
    edit = of_loss.mean_of_loss(programs.proved(body, {"factor": 0.125}, fact))
    assert edit.after == edit.before.replace("'sum'", "'mean'")
    with pytest.raises(EditError, match="the factor of the loss"):
        of_loss.mean_of_loss(programs.proved(body, {"factor": 0.001}, fact))


def test_labels_are_mapped_where_the_loss_is_called(programs):
    body = "t = (y > 1) * 2.0 - 1\nloss = F.binary_cross_entropy_with_logits(x[:, 0], t)\n"
    fact = called(programs, body, "binary_cross_entropy_with_logits")
    settings = {"function": "binary_cross_entropy_with_logits", "shift": -1.0, "divisor": 2.0}
    edit = of_loss.labels_mapped(programs.proved(body, settings, fact))
    assert "(x[:, 0], (t + 1) / 2)" in edit.after
    assert ran(edit)["loss"] > 0.0
    with pytest.raises(EditError, match=r"compared with the predictions at train.py:7 too"):
        of_loss.labels_mapped(programs.proved(body + "hit = x[:, 0] == t\n", settings, fact))


def test_class_numbers_are_not_shifted_against_predictions(programs):
    body = "labels = y + 1\nloss = F.cross_entropy(x, labels)\n"
    fact = called(programs, body, "cross_entropy", classes=facts.LossClasses(number=3))
    settings = {"function": "cross_entropy", "shift": 1.0, "divisor": 1.0}
    assert "F.cross_entropy(x, labels - 1)" in of_loss.labels_mapped(programs.proved(body, settings, fact)).after
    with pytest.raises(EditError, match="would be shifted against the labels"):
        of_loss.labels_mapped(programs.proved(body + "guess = x.argmax(1)\n", settings, fact))


@pytest.mark.parametrize(
    ("written", "becomes", "first", "second"),
    [
        ("F.mse_loss(net(x), t)", "F.mse_loss(net(x).squeeze(-1), t)", (8, 1), (8,)),
        ("F.mse_loss(net(x)[:, 0], t[:, None])", "F.mse_loss(net(x)[:, 0], t[:, None].squeeze(-1))", (8,), (8, 1)),
    ],
)
def test_the_longer_shape_is_squeezed_in_the_call(programs, written, becomes, first, second):
    body = f"net, t = nn.Linear(4, 1), torch.randn(8)\nloss = {written}\n"
    known = {"output": facts.LossOutput(shape=first), "target": facts.LossTarget(shape=second)}
    edit = of_loss.squeezed(programs.proved(body, {}, called(programs, body, "mse_loss", **known)))
    assert becomes in edit.after
    ran(edit)


def test_the_longer_shape_is_squeezed_in_a_difference(programs):
    body = "net, t = nn.Linear(4, 1), torch.randn(8)\nloss = ((net(x) - t) ** 2).mean()\n"
    shapes = {"first": (8, 1), "second": (8,), "result": (8, 8)}
    fact = facts.Broadcast(step=0, function="sub", file=programs.file, line=line_of(body, "loss ="), **shapes)
    edit = of_loss.squeezed(programs.proved(body, {}, fact))
    assert "((net(x).squeeze(-1) - t) ** 2).mean()" in edit.after
    ran(edit)


def test_shapes_that_differ_otherwise_are_left(programs):
    body = FUNCTION.format(name="mse_loss")
    known = {"output": facts.LossOutput(shape=(8, 3)), "target": facts.LossTarget(shape=(8,))}
    with pytest.raises(EditError, match="differ by more than"):
        of_loss.squeezed(programs.proved(body, {}, called(programs, body, "mse_loss", **known)))


def test_what_is_maximised_is_minimised(programs):
    body = "opt = torch.optim.SGD(nn.Linear(4, 3).parameters(), lr=0.1, maximize=True)\n"
    optimizer = facts.Optimizer(type="SGD")
    edit = of_loss.sign_flipped(programs.proved(body, {"of": "gradient"}, optimizer))
    assert ran(edit)["opt"].defaults["maximize"] is False
    with pytest.raises(EditError, match="is not known"):
        of_loss.sign_flipped(programs.proved(body, {"of": "loss"}, optimizer))
    with pytest.raises(EditError, match="maximize=True does not stand"):
        of_loss.sign_flipped(programs.proved("", {"of": "gradient"}, optimizer))
