from __future__ import annotations

import pytest
import torch

from tests.confirm.programs import line_of, ran
from unstuck.confirm import of_model
from unstuck.confirm.argument import OptionError
from unstuck.confirm.edit import EditError
from unstuck.record import facts

SEQUENTIAL = """net = nn.Sequential(
    nn.Linear(4, 3),
    nn.Softmax(dim=1),
)
loss = F.cross_entropy(net(x), y)
"""

CLASS = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.last = nn.Softmax(dim=1)

    def forward(self, x):
        return self.last(self.head(x))
net = Net()
"""

CALLED = """class Net(nn.Linear):
    def forward(self, x):
        return F.softmax(super().forward(x), dim=1)
net = Net(4, 3)
"""


def model(*types: str, variable: str = "net") -> facts.Model:
    layers = tuple(facts.Layer(path=str(place), type=one, description=one) for place, one in enumerate(types))
    return facts.Model(type="Net", variable=variable, layers=layers)


def loss(operation: str, function: str = "cross_entropy") -> facts.Loss:
    return facts.Loss(function=function, output=facts.LossOutput(shape=(8, 3), operation=operation))


@pytest.mark.parametrize("body", [SEQUENTIAL, CLASS, CALLED])
def test_the_last_softmax_is_taken_out_wherever_it_is_made(programs, body):
    layers = ("Linear",) if body == CALLED else ("Linear", "Softmax")
    change = programs.proved(body, {"at": "loss"}, model(*layers), loss("Softmax"))
    edit = of_model.activation_bypassed(change)
    assert edit.before.count("oftmax(") == 1
    assert "oftmax(" not in edit.after
    names = ran(edit)
    assert names["net"](names["x"]).sum(1).sub(1.0).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("body", "layers", "why"),
    [
        (SEQUENTIAL + "other = nn.Softmax(dim=1)\n", ("Softmax",), r"several places \(train.py:7, train.py:10\)"),
        ("make = [nn.Softmax(dim=1) for _ in range(2)]\n", ("Softmax", "Softmax"), "2 modules of the class Softmax"),
        ("net = torch.hub.load()\n", ("Softmax",), "does not stand in the program's own files"),
        (SEQUENTIAL.replace("nn.Softmax", "Softmax").replace("Sequential", "ModuleList"), (), "Identity|nothing|name"),
    ],
)
def test_why_no_softmax_is_taken_out(programs, body, layers, why):
    change = programs.proved(body, {"at": "loss"}, model(*layers), loss("Softmax"))
    with pytest.raises(EditError, match=why):
        of_model.activation_bypassed(change)


def test_a_softmax_of_the_evaluation_is_not_that_of_the_model(programs):
    body = SEQUENTIAL + "print(F.softmax(net(x), dim=1))\n"
    edit = of_model.activation_bypassed(programs.proved(body, {"at": "loss"}, model("Softmax"), loss("Softmax")))
    assert "print(F.softmax(net(x), dim=1))" in edit.after
    assert "nn.Softmax" not in edit.after


def test_a_sigmoid_whose_result_is_compared_with_a_half_stays(programs):
    body = SEQUENTIAL.replace("Softmax(dim=1)", "Sigmoid()")
    known = (model("Sigmoid"), loss("Sigmoid", "binary_cross_entropy_with_logits"))
    assert "Sigmoid" not in of_model.activation_bypassed(programs.proved(body, {"at": "loss"}, *known)).after
    with pytest.raises(EditError, match=r"the threshold of 0.5 at train.py:10 would have to be 0"):
        of_model.activation_bypassed(programs.proved(body + "hit = net(x) > 0.5\n", {"at": "loss"}, *known))


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("nn.LogSoftmax(dim=0)", "nn.LogSoftmax(dim=1)"),
        ("nn.LogSoftmax(-2)", "nn.LogSoftmax(1)"),
        ("nn.Softmax(0)", "nn.Softmax(1)"),
    ],
)
def test_the_axis_of_a_module_is_set(programs, written, becomes):
    body = f"net = nn.Sequential(nn.Linear(4, 3), {written})\nother = F.softmax(x, dim=1)\n"
    change = programs.proved(body, {"given": 0, "axis": 1, "dimensions": 2}, line=line_of(body, "other = "))
    change = programs.proved(body, dict(change.settings))
    edit = of_model.softmax_axis(change)
    assert edit.after == edit.before.replace(written, becomes)
    ran(edit)


def test_two_softmaxes_over_that_axis_are_left(programs):
    body = "a, b = nn.Softmax(dim=0), nn.Softmax(dim=0)\n"
    with pytest.raises(EditError, match="a softmax over axis 0 stands in several places"):
        of_model.softmax_axis(programs.proved(body, {"given": 0, "axis": 1, "dimensions": 2}))


DROPS = """RATE = 0.9
net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(p=RATE), nn.Linear(4, 3), nn.Dropout(0.1), nn.Dropout(RATE))
rnn = nn.LSTM(4, 4, 2, dropout=0.8)
z = F.dropout(x, 0.7, True)
"""

DROPPED = facts.Model(type="Net", layers=(facts.Layer(path="1", type="Dropout", description="Dropout(p=0.9)"),))

ACTIVE = facts.Modes(step=0, phase="training", dropouts_training=1)


def test_every_stronger_dropout_is_lowered_where_it_is_written(programs):
    edit = of_model.dropout(programs.proved(DROPS, {"probability": 0.2}, DROPPED, ACTIVE))
    after = DROPS.replace("0.9", "0.2").replace("0.8", "0.2").replace("0.7", "0.2")
    assert edit.after.endswith(after)
    assert ran(edit)["net"][1].p == 0.2


def test_a_dropout_of_the_command_line_is_changed_there(programs):
    body = "p = argparse.ArgumentParser()\np.add_argument('--drop', '-d', default=0.5)\nargs = p.parse_args()\n"
    body += "net = nn.Dropout(args.drop)\n"
    with pytest.raises(OptionError) as given:
        of_model.dropout(programs.proved(body, {"probability": 0.2}, DROPPED, ACTIVE, args=("-d0.9",)))
    assert given.value.option == "-d"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("net = nn.Dropout()\n", "its default"),
        ("net = nn.Linear(1, 1)\n", "no probability"),
        ("net = nn.Dropout(f())\n", "not written"),
    ],
)
def test_why_no_dropout_is_lowered(programs, body, why):
    with pytest.raises(EditError, match=why):
        of_model.dropout(programs.proved(body, {"probability": 0.2}, DROPPED, ACTIVE))


HIDDEN = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()), nn.Linear(4, 3)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))
net = Net()
share = torch.sigmoid(net(x))
"""


def test_hidden_activations_become_rectifiers_and_the_evaluation_stays(programs):
    edit = of_model.hidden_activations(programs.proved(HIDDEN, {}, loss("Addmm")))
    assert "nn.ReLU()" in edit.after
    assert "torch.relu(self.a(x))" in edit.after
    assert "share = torch.sigmoid(net(x))" in edit.after
    assert isinstance(ran(edit)["net"].a[1], torch.nn.ReLU)


@pytest.mark.parametrize(
    ("body", "operation", "why"),
    [
        (HIDDEN, "Sigmoid", "the last activation"),
        (HIDDEN + "F.softmax(x, dim=1)\n", "Addmm", "a softmax has other arguments"),
        ("net = nn.Linear(4, 3)\n", "Addmm", "no activation that saturates"),
    ],
)
def test_why_hidden_activations_stay(programs, body, operation, why):
    with pytest.raises(EditError, match=why):
        of_model.hidden_activations(programs.proved(body, {}, loss(operation)))


def test_a_recurrent_layer_takes_batches_first(programs):
    edit = of_model.batch_first(programs.proved("rnn = nn.LSTM(4, 5)\n", {"of": "layers"}))
    assert ran(edit)["rnn"].batch_first
    with pytest.raises(EditError, match="depends on the shape"):
        of_model.batch_first(programs.proved("x.view(4, 8)\n", {"of": "views"}))
