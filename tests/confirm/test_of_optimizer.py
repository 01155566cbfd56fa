from __future__ import annotations

import pytest
import torch

from tests.confirm.programs import ran
from unstuck.confirm import of_optimizer
from unstuck.confirm.edit import EditError
from unstuck.record import facts

BODY = """net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
p = net.parameters
opt = torch.optim.{call}
"""


BETAS = {"first_beta": 0.9, "second_beta": 0.999}


def optimizer(programs, kind="SGD", **constants) -> facts.Optimizer:
    group = facts.ParameterGroup(parameters=4, **{"learning_rate": 1.0, **constants})
    return facts.Optimizer(type=kind, groups=(group,), file=programs.file, line=7)


@pytest.mark.parametrize(
    ("edit", "settings", "call", "constants", "name", "value"),
    [
        ("rate", {"rate": 0.1}, "SGD(p(), lr=1.0)", {}, "lr", 0.1),
        (
            "weight_decay",
            {"weight_decay": 0.0},
            "SGD(p(), 1.0, weight_decay=0.3)",
            {"weight_decay": 0.3},
            "weight_decay",
            0.0,
        ),
        ("momentum", {"momentum": 0.9}, "SGD(p(), 1.0)", {"momentum": 0.0}, "momentum", 0.9),
        (
            "momentum",
            {"momentum": 0.9},
            "Adam(p(), betas=(0.0, 0.99))",
            {"betas": (0.0, 0.99)},
            "betas",
            (0.9, 0.99),
        ),
        ("momentum", {"momentum": 0.0}, "Adam(p())", {"betas": (0.9, 0.999)}, "betas", (0.0, 0.999)),
        ("default_constants", {"epsilon": 1e-8}, "Adam(p(), eps=1.0)", {"epsilon": 1.0}, "eps", 1e-8),
        (
            "default_constants",
            BETAS,
            "Adam(p(), betas=(0.1, 0.2))",
            {},
            "betas",
            (0.9, 0.999),
        ),
    ],
)
def test_a_constant_is_set(programs, edit, settings, call, constants, name, value):
    kind = call.partition("(")[0]
    change = programs.proved(BODY.format(call=call), settings, optimizer(programs, kind, **constants))
    made = ran(getattr(of_optimizer, edit)(change))["opt"]
    assert made.param_groups[0][name] == value


@pytest.mark.parametrize(
    ("edit", "settings", "why"),
    [
        ("rate", {"factor": 0.1}, "a factor is no number"),
        ("default_constants", {"epsilon": 1e-8, **BETAS}, "together"),
    ],
)
def test_why_a_constant_stays(programs, edit, settings, why):
    change = programs.proved(BODY.format(call="SGD(p(), 1.0)"), settings, optimizer(programs))
    with pytest.raises(EditError, match=why):
        getattr(of_optimizer, edit)(change)


@pytest.mark.parametrize(
    ("call", "settings", "kind"),
    [
        (
            "SGD(p(), lr=1.0, momentum=0.5, weight_decay=0.01)",
            {"method": "adam", "rate": 0.001},
            torch.optim.Adam,
        ),
        ("Adagrad(p(), 1.0, weight_decay=0.01)", {"method": "sgd", "rate": 0.001}, torch.optim.SGD),
    ],
)
def test_another_method_gets_the_same_parameters_and_decay(programs, call, settings, kind):
    change = programs.proved(BODY.format(call=call), settings, optimizer(programs, call.partition("(")[0]))
    made = ran(of_optimizer.another_method(change))["opt"]
    assert type(made) is kind
    assert (made.defaults["lr"], made.defaults["weight_decay"]) == (0.001, 0.01)
    assert len(made.param_groups[0]["params"]) == 4


@pytest.mark.parametrize("call", ["SGD(**words)", "SGD(p(), **words)"])
def test_a_method_that_is_given_what_is_not_plain_stays(programs, call):
    change = programs.proved(BODY.format(call=call), {"method": "adam", "rate": 0.001}, optimizer(programs))
    with pytest.raises(EditError, match="not plain"):
        of_optimizer.another_method(change)


def model(*, trainable=True, optimized=True) -> facts.Model:
    names = ("0.weight", "0.bias", "1.weight", "1.bias")
    parameters = tuple(
        facts.Parameter(name=name, shape=(4,), trainable=trainable or name[0] == "1", optimized=optimized)
        for name in names
    )
    return facts.Model(type="Sequential", variable="net", parameters=parameters)


def missing(*names: str) -> facts.UnoptimizedParameters:
    unchanged = tuple(facts.UnoptimizedParameter(name=name, shape=(4,)) for name in names)
    return facts.UnoptimizedParameters(step=9, since=0, unchanged=unchanged, reached=4, held=2)


def test_all_parameters_in_place_of_those_of_a_part(programs):
    body = BODY.format(call="SGD(net[1].parameters(), lr=1.0)")
    known = (optimizer(programs), model(), missing("0.weight", "0.bias"))
    made = ran(of_optimizer.parameters_given(programs.proved(body, {}, *known)))["opt"]
    assert len(made.param_groups[0]["params"]) == 4
    other = (optimizer(programs), model(), missing("table"))
    with pytest.raises(EditError, match="not the parameters of one part of the model"):
        of_optimizer.parameters_given(programs.proved(body, {}, *other))


FREEZE = """for p in net[0].parameters():
    p.requires_grad = False
"""


@pytest.mark.parametrize("freeze", [FREEZE, "net[0].requires_grad_(False)\n"])
def test_what_is_frozen_is_thawed(programs, freeze):
    body = BODY.format(call="SGD(p(), 1.0)") + freeze
    edit = of_optimizer.thawed(programs.proved(body, {}, optimizer(programs), model(trainable=False)))
    assert all(parameter.requires_grad for parameter in ran(edit)["net"].parameters())


def test_why_it_stays_frozen(programs):
    body = BODY.format(call="SGD(net[1].parameters(), 1.0)") + FREEZE
    with pytest.raises(EditError, match="must be given the thawed parameters too"):
        of_optimizer.thawed(programs.proved(body, {}, model(trainable=False, optimized=False)))
    with pytest.raises(EditError, match="several places"):
        of_optimizer.thawed(programs.proved(body + FREEZE, {}, model(trainable=False)))
