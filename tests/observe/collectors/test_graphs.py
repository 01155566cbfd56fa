"""What a loss reaches, what it is made of, and how its weights are wired."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.autograd.graph import GraphWalk, place_in_graph
from unstuck.observe.collectors import graphs
from unstuck.observe.collectors.view import NetworkOutput
from unstuck.record import facts


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2.0

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 2.0


def gather(step: Any, loss: Tensor) -> list[facts.Fact]:
    step.collectors.tell("backward", GraphWalk(loss))
    return list(step.collectors.facts())


def only(found: list[facts.Fact], kind: type[facts.Fact]) -> Any:
    (fact,) = [fact for fact in found if type(fact) is kind]
    return fact


def test_what_a_loss_reaches_is_told_from_what_it_does_not(watched: Any) -> None:
    model = nn.ModuleDict({"used": nn.Linear(2, 3), "unused": nn.Linear(2, 3), "frozen": nn.Linear(3, 1)})
    model["frozen"].requires_grad_(False)
    with watched(model) as step:
        loss = model["frozen"](model["used"](torch.ones(4, 2)).tanh()).sum()
        found = gather(step, loss)
    graph = only(found, facts.Graph)
    assert set(graph.reached) == {"used.weight", "used.bias"}
    assert set(graph.unreached) == {"unused.weight", "unused.bias"}
    assert graph.file == __file__
    assert graph.operations[0] == "Sum"
    assert "Tanh" in graph.operations


@pytest.mark.parametrize("shared", [False, True])
def test_a_loss_leads_through_the_weights_of_others_where_it_reaches_its_own(
    watched: Any, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    model, other = nn.Linear(2, 2), nn.Linear(2, 1)
    with watched(model) as step:
        step.view.optimizer = 0
        held = {id(parameter): {0} for parameter in model.parameters()} | {id(p): {1} for p in other.parameters()}
        if shared:
            held[id(model.weight)] = {0, 2}
        monkeypatch.setattr(graphs, "holders", lambda: held)
        monkeypatch.setattr(graphs, "one_optimizer", lambda: False)
        x, too = torch.ones(4, 2), (2,) if shared else ()
        for loss, expected in (
            (other(model(x)).sum(), (1, *too)),
            (model(x).sum(), too),
            (other(x).sum(), ()),
            (other(model(x).detach()).sum(), ()),
        ):
            graph = only(gather(step, loss), facts.Graph)
            assert (graph.through, graph.through_others) == (expected, bool(expected))


@pytest.mark.parametrize("frozen", [False, True])
def test_weights_of_others_that_are_normalised_are_led_through_too(
    watched: Any, monkeypatch: pytest.MonkeyPatch, frozen: bool
) -> None:
    model, other = nn.Linear(2, 2), nn.utils.parametrizations.weight_norm(nn.Linear(2, 1))
    other.requires_grad_(not frozen)
    with watched(model) as step:
        step.view.optimizer = 0
        held = {id(parameter): {0} for parameter in model.parameters()} | {id(p): {1} for p in other.parameters()}
        monkeypatch.setattr(graphs, "holders", lambda: held)
        monkeypatch.setattr(graphs, "one_optimizer", lambda: False)
        x = torch.ones(4, 2)
        for made, expected in ((model(x), (1,)), (model(x).detach(), ())):
            judged = other(made)
            step.view.networks = [NetworkOutput(weakref.ref(other), place_in_graph(judged), 0, True, 1)]
            graph = only(gather(step, judged.sum() + model(x).sum()), facts.Graph)
            assert graph.through == (expected or (() if frozen else (1,)))
        judged = other(model(x))
        step.view.networks = [NetworkOutput(weakref.ref(other), place_in_graph(judged), 0, True, 1)]
        assert only(gather(step, model(x).sum()), facts.Graph).through == ()


def test_layers_that_ran_are_told_with_those_that_had_no_gradient(watched: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 1))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.never = model, nn.Linear(1, 1)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                x = self.body[0](x)
            return self.body[2](self.body[1](x))

    net = Net()
    with watched(net) as step:
        ran = only(gather(step, net(torch.ones(4, 2)).sum()), facts.Ran)
    assert set(ran.layers) == {"body.0", "body.1", "body.2"}
    assert ran.without_gradient == ("body.0",)


def test_wiring_and_attention_are_told_once(watched: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    with watched(model) as step:
        found: list[list[facts.Fact]] = []
        for _ in range(2):
            x = model(torch.ones(4, 5, 2))
            found.append(gather(step, ((x @ x.mT).softmax(-1) @ x).sum()))
    wiring = only(found[0], facts.Wiring)
    assert {wire.parameter: wire.linear for wire in wiring.connections}["1.weight"] == ("0.weight",)
    assert only(found[0], facts.Contraction).among_themselves
    assert not [fact for fact in found[1] if isinstance(fact, facts.Wiring | facts.Contraction)]
    assert only(found[1], facts.Graph)


def test_a_parameter_without_modules_has_a_graph_too(watched: Any) -> None:
    weight = torch.ones(2, requires_grad=True)
    with watched(None, [weight]) as step:
        found = gather(step, weight.square().sum())
    assert only(found, facts.Graph).reached == ("p0",)
    assert not [fact for fact in found if isinstance(fact, facts.Ran)]


def test_functions_of_the_users_are_given_back_at_the_end(watched: Any) -> None:
    weight, own = torch.ones(2, requires_grad=True), Double.__dict__["forward"]
    with watched(None, [weight]) as step:
        gather(step, Double.apply(weight).sum())
        step.collectors.tell("release")
        Double.apply(weight)
        assert step.collectors.waiting is None, "nothing is overheard any more"
        assert Double.__dict__["forward"] is own


@pytest.mark.parametrize("compiled", [False, True])
def test_functions_of_the_users_own_are_named(watched: Any, compiled: bool) -> None:
    weight = torch.ones(2, requires_grad=True)
    with watched(None, [weight]) as step:
        step.view.roots.compiled = compiled
        graph = only(gather(step, Double.apply(weight).sum()), facts.Graph)
        names = [function.name for function in graph.custom_functions]
        assert [name.rsplit(".", 1)[-1] for name in names] == ([] if compiled else ["Double"])
        waiting = step.collectors.waiting
        assert (waiting is None) == compiled
        assert waiting is None or not waiting()
        Double.apply(weight)
        assert waiting is None or waiting(), "a call that can be checked"
        step.collectors.tell("before_backward", True)
        assert step.collectors.waiting is None
