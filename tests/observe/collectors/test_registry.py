"""All collectors are told what concerns them, and one that fails costs its own signals only."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors import registry
from unstuck.observe.collectors.catalogue import COLLECTORS
from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.inputs import Inputs
from unstuck.observe.collectors.losses import Losses
from unstuck.observe.collectors.registry import VERBS, Collectors
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.torch_hooks import forward
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts, signals
from unstuck.record.signals import Signal

VERBS_THAT_RAISE = [verb for verb in VERBS if verb not in ("facts", "finish", "number", "scalar")]


class Broken:
    """Raises at one verb, and counts what it is told."""

    measures: tuple[Signal, ...] = (signals.INPUT_MEAN, signals.TARGET_MEAN)
    functions = frozenset({F.relu})
    raises = "begin"

    def __init__(self, view: View) -> None:
        self.told: list[str] = []

    def __init_subclass__(cls) -> None:
        for verb in VERBS:
            setattr(cls, verb, lambda self, *args, verb=verb: self.hear(verb))

    def hear(self, verb: str) -> Any:
        self.told.append(verb)
        if verb == self.raises:
            raise ZeroDivisionError("mine")
        return () if verb in ("facts", "finish") else None


class Told(Broken):
    raises = ""


class Witness:
    """Measures one number, to be there whatever the others do."""

    measures: tuple[Signal, ...] = (signals.BATCH_SIZE,)
    functions = frozenset({F.relu})

    def __init__(self, view: View) -> None:
        self.calls = 0

    def call(self, function: Any, args: Any, kwargs: Any, output: Any) -> None:
        self.calls += 1

    def update(self, optimizer: object) -> Measurement:
        return Measurement([torch.tensor([float(self.calls)])], lambda numbers: {signals.BATCH_SIZE: numbers[0][0]})


def of(kind: type, monkeypatch: pytest.MonkeyPatch) -> type:
    """Put a collector of a kind, and the witness behind it, into the table."""
    monkeypatch.setattr(registry, "COLLECTORS", (kind, *COLLECTORS, Witness))
    return kind


def life(step: Any, model: nn.Module) -> tuple[dict[str, Any], list[facts.Fact]]:
    """A step with all that may happen in one, and the end."""
    collectors = step.collectors
    with step:
        collectors.tell("forward", "training")
        step.view.embedded.append(Embedded(torch.ones(4, 2, dtype=torch.long), torch.ones(4, 2, 3), None, 2))
        output = F.relu(model(torch.ones(4, 2)))
        loss = F.mse_loss(output, torch.zeros(4, 1)) + output.mean()
        with pytest.raises(RuntimeError, match="must match the size"):
            F.soft_margin_loss(output, torch.zeros(4, 3, 5))
        collectors.tell("before_backward", True)
        collectors.tell("ordinary", loss)
        collectors.tell("thrown", loss, 0.5)
        collectors.walked(GraphWalk(loss))
        loss.backward()
        collectors.tell("after_backward", Backward([loss], (), accumulates=True))
        sample = step.update()
        collectors.tell("schedule_stepped", torch.optim.lr_scheduler.StepLR(step.optimizer, 1))
        collectors.tell("loader_begins", torch.utils.data.DataLoader([1]))
        collectors.copied(nn.Linear(2, 1))
        collectors.tell("led_past", GraphWalk(nn.Linear(2, 1)(torch.ones(1, 2)).sum()))
        collectors.tell("rest")
    found = [*collectors.facts(), *collectors.ask("finish"), *collectors.facts()]
    collectors.tell("release")
    return sample, found


def test_every_verb_reaches_those_who_have_it(watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, model = of(Told, monkeypatch), nn.Linear(2, 1)
    step = watched(model)
    life(step, model)
    told = step.collectors.one(kind).told
    assert set(told) == set(VERBS)
    order = ["begin", "forward", "module", "output", "call", "loss", "failed_call", "before_backward", "backward"]
    order += ["before_update", "update", "facts", "finish", "release"]
    assert sorted(order, key=told.index) == order


def test_a_collector_of_some_classes_is_told_of_their_modules_alone(
    watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = of(type("OfLinear", (Told,), {"kinds": (nn.Linear,)}), monkeypatch)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.modules.linear.NonDynamicallyQuantizableLinear(3, 1))
    with watched(model) as step:
        model(torch.ones(4, 2))
        told = step.collectors.one(kind).told
    assert [verb for verb in told if verb in registry.OF_MODULES] == ["module", "output"] * 2


@pytest.mark.parametrize("verb", [*VERBS_THAT_RAISE, "scalar", "facts", "finish"])
def test_a_collector_that_raises_costs_its_own_signals_only(
    watched: Any, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    model = nn.Linear(2, 1)
    twin = nn.Linear(2, 1)
    twin.load_state_dict(model.state_dict())
    expected, theirs = life(watched(model), model)

    kind = of(type("Failing", (Broken,), {"raises": verb}), monkeypatch)
    step = watched(twin)
    sample, found = life(step, twin)
    unread = [fact for fact in found if isinstance(fact, facts.Unread)]
    if verb != "release":
        (fact,) = unread
        assert fact.collector == "Failing"
        assert fact.signals == ("input_mean", "target_mean")
        assert fact.error == "ZeroDivisionError: mine"
    assert step.collectors.one(kind).told[-1] == verb, "it is told nothing more"
    assert sample.pop("batch_size") == 1.0, "the others are told of everything"
    expected.pop("batch_size")
    assert sample.keys() == expected.keys()
    assert {type(fact) for fact in found} - {facts.Unread} == {type(fact) for fact in theirs}
    assert step.collectors.error is None


def test_one_whose_numbers_cannot_be_decoded_is_dropped(watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Undecodable(Witness):
        measures = (signals.TARGET_STD,)

        def update(self, optimizer: object) -> Measurement:
            return Measurement([torch.ones(3), torch.ones(2)], lambda numbers: {signals.TARGET_STD: numbers[7][0]})

    of(Undecodable, monkeypatch)
    step = watched(nn.Linear(2, 1))
    with step:
        assert step.update()["batch_size"] == 0.0
    (fact,) = step.facts(facts.Unread)
    assert (fact.collector, fact.signals) == ("Undecodable", ("target_std",))
    assert fact.error.startswith("IndexError")


def test_numbers_of_all_shapes_and_types_are_fetched_and_given_back(
    watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[list[float]]] = []

    class Shapes(Witness):
        def update(self, optimizer: object) -> Measurement:
            tensors = [torch.tensor(True), torch.arange(3), torch.empty(0), torch.ones(2, 2, dtype=torch.float16)]
            return Measurement(tensors, lambda numbers: (seen.append(numbers), {})[1])

    of(Shapes, monkeypatch)
    with watched(nn.Linear(2, 1)) as step:
        step.update()
    assert seen == [[[1.0], [0.0, 1.0, 2.0], [], [1.0] * 4]]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def test_the_view_follows_the_forward_pass(watched: Any) -> None:
    model, x = Net(), torch.ones(4, 2)
    places: list[tuple[str, bool]] = []
    with watched(model) as step:
        view = step.view
        model.body[1].forward = lambda x: (places.append((view.where, view.learning)), x.relu())[1]
        assert not step.collectors.complete
        output = model(x)
        assert step.collectors.complete
    assert places == [("body.1", True)]
    assert view.entry is model
    assert view.batch is not None
    assert view.batch.data_ptr() == x.data_ptr()
    assert view.output is output
    assert view.first is not None
    assert view.first.shape == (4, 3)
    assert view.ran == {"body.0": True, "head": True}
    assert (view.module, view.where) == (None, "")


def test_an_evaluation_in_between_is_passed_over(watched: Any) -> None:
    model = Net()
    with watched(model) as step:
        F.mse_loss(model(torch.ones(4, 2)), torch.ones(4, 1))
        model.eval()
        model(torch.ones(9, 2))  # with gradients on, but not in the mode of training
        assert not step.view.learning
        with torch.no_grad():
            model.train()
            model(torch.ones(7, 2))
        assert step.view.examples == 4
        step.collectors.begin(1)
        model(torch.ones(5, 2))
        assert step.view.examples == 5


def test_modules_are_adopted_by_their_parameters(watched: Any) -> None:
    model, stranger = Net(), nn.Linear(2, 2)
    with watched(None, model.parameters()) as step:
        stranger(torch.ones(3, 2))
        assert step.view.batch is None
        model(torch.ones(4, 2))
        assert step.view.examples == 4
        assert list(step.view.roots) == [model]


def test_a_program_without_modules_enters_by_its_first_product(watched: Any) -> None:
    weight = torch.randn(3, 2, requires_grad=True)
    with watched(None, [weight]) as step:
        torch.ones(5, 4) @ torch.ones(4, 3)
        assert step.view.batch is None
        torch.ones(5, 3) @ weight
        assert step.view.examples == 5
        (fact,) = step.facts(facts.Inputs)
    assert fact.shape == (5, 3)


def test_a_module_claims_a_training_that_has_seen_nothing() -> None:
    model, stranger, bound = Net(), nn.Linear(1, 1), []
    view = View(roots=Roots(SGD(model.parameters(), lr=0.1)))
    collectors = Collectors(view, adopting=True, bind=lambda: bound.append(True))
    assert not collectors.claims(stranger)
    assert bound == []
    assert collectors.claims(model)
    assert bound == [True]
    collectors.begin(0)
    forward.listen(collectors)
    model(torch.ones(4, 2))
    forward.unlisten(collectors)
    collectors.tell("release")
    assert not collectors.claims(model), "it has seen it where it is"


def test_a_loss_of_the_users_own_is_one_of_the_losses(watched: Any) -> None:
    model, y = Net(), torch.randn(4, 1)
    with watched(model) as step:
        (model(torch.randn(4, 2)) - y).square().mean()
        (fact,) = step.facts(facts.Loss)
    assert (fact.function, fact.file) == ("mse_loss", __file__)


def test_errors_outside_of_verbs_are_charged_to_their_own_collector(
    watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight, model = torch.randn(3, 2, requires_grad=True), nn.Linear(2, 1)

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Inputs, "observe", fail)
    with watched(None, [weight]) as step:
        (torch.ones(5, 3) @ weight).softmax(1)
    assert step.collectors.error is None
    found = list(step.collectors.facts())
    assert [fact.collector for fact in found if isinstance(fact, facts.Unread)] == ["Inputs"]
    assert [fact for fact in found if isinstance(fact, facts.Softmax)]

    monkeypatch.setattr(Losses, "observe", fail)
    with watched(model) as step:
        for _ in range(2):
            (model(torch.randn(4, 2)) - torch.randn(4, 1)).square().mean()
    assert [fact.collector for fact in step.facts(facts.Unread)] == ["Inputs", "Losses"]
