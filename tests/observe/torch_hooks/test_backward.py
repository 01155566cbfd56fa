"""What a pass of autograd's engine is asked for, and whose parameters it reaches."""

from __future__ import annotations

import copy
import io
import pickle
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unstuck.observe.torch_hooks import events, patches
from unstuck.observe.torch_hooks.backward import SURE_AFTER, Backward, Reaching


class Passes:
    """The passes that were told, and what was told of transforms."""

    thread: int | None = None
    updates_of: int | None = None

    def __init__(self) -> None:
        self.begun: list[Backward] = []
        self.ended: list[Backward] = []
        self.gradients: list[tuple[Any, ...]] = []
        self.transforms = 0

    def backward_begins(self, backward: Backward) -> None:
        self.gradients.append(backward.gradients)
        self.begun.append(backward)

    def backward_ended(self, backward: Backward) -> None:
        self.ended.append(backward)

    def transformed(self) -> None:
        self.transforms += 1

    def failed(self, error: Exception) -> None:
        raise error


@pytest.fixture
def passes() -> Iterator[Passes]:
    listener = Passes()
    patches.listen(listener)
    yield listener
    patches.unlisten(listener)


def loss_of(layer: nn.Module) -> Tensor:
    return layer(torch.ones(3, 2)).square().mean()


def test_a_backward_pass_is_told_with_its_loss(passes: Passes) -> None:
    loss = loss_of(nn.Linear(2, 1))
    loss.backward()
    (backward,) = passes.begun
    assert backward.roots == (loss,)
    assert (backward.inputs, backward.accumulates, backward.keeps_graph) == ((), True, False)
    assert passes.ended == [backward]
    assert backward.gradients == ()


def test_gradients_taken_by_hand_are_told_with_what_they_are_of(passes: Passes) -> None:
    layer = nn.Linear(2, 1)
    loss = loss_of(layer)
    (gradient,) = torch.autograd.grad(loss, [layer.weight])
    (backward,) = passes.begun
    assert passes.ended == [backward]
    assert (backward.roots, backward.inputs) == ((loss,), (layer.weight,))
    assert (backward.accumulates, backward.keeps_graph) == (False, False)
    assert passes.gradients == [()], "none are known before the pass"
    assert backward.gradients[0] is gradient


def test_inputs_of_a_backward_pass_accumulate(passes: Passes) -> None:
    layer = nn.Linear(2, 1)
    loss_of(layer).backward(inputs=[layer.bias])
    (backward,) = passes.begun
    assert (backward.inputs, backward.accumulates) == ((layer.bias,), True)
    assert backward.gradients == ()
    assert layer.weight.grad is None


def test_a_graph_that_is_kept_for_other_gradients_is_known(passes: Passes) -> None:
    weight = torch.ones(2, requires_grad=True)
    (gradient,) = torch.autograd.grad(weight.pow(3).sum(), weight, create_graph=True)
    gradient.sum().backward()
    torch.autograd.grad(weight.pow(3).sum(), weight, retain_graph=True)
    assert [backward.keeps_graph for backward in passes.begun] == [True, False, False]


def test_several_roots_are_told_together(passes: Passes) -> None:
    first, second = loss_of(nn.Linear(2, 1)), loss_of(nn.Linear(2, 1))
    torch.autograd.backward([first, second])
    assert passes.begun[0].roots == (first, second)


def test_a_pass_within_a_pass_is_part_of_it(passes: Passes) -> None:
    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                (inner,) = torch.autograd.grad((x * 2).sum(), x)
            return gradient * inner

    weight = torch.ones(2, requires_grad=True)
    Inner.apply(weight).sum().backward()
    assert len(passes.begun) == len(passes.ended) == 1
    assert weight.grad is not None
    assert weight.grad.tolist() == [2.0, 2.0]


def test_a_pass_that_fails_is_begun_and_not_ended(passes: Passes) -> None:
    loss = loss_of(nn.Linear(2, 1))
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    loss_of(nn.Linear(2, 1)).backward()
    assert (len(passes.begun), len(passes.ended)) == (3, 2)


def test_a_gradient_within_a_transform_is_told_without_its_tensors(passes: Passes) -> None:
    torch.func.grad(lambda x: torch.autograd.grad(x.square(), x, create_graph=True)[0])(torch.tensor(2.0))
    assert passes.transforms > 0
    assert not passes.begun


def test_passes_are_counted_also_where_nobody_hears_of_them() -> None:
    class Silent:
        thread = updates_of = None

        def step_ended(self, optimizer: object) -> None:
            raise AssertionError

        def failed(self, error: Exception) -> None:
            raise error

    silent = Silent()
    before = events.counts.backward
    patches.listen(silent)
    try:
        for _ in range(3):
            loss_of(nn.Linear(2, 1)).backward()
    finally:
        patches.unlisten(silent)
    loss_of(nn.Linear(2, 1)).backward()
    assert events.counts.backward - before == 3


def test_the_loss_is_told_and_not_what_the_scaler_made_of_it(passes: Passes) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    loss = loss_of(nn.Linear(2, 1))
    scaler.scale(loss).backward()
    first, second = loss_of(nn.Linear(2, 1)), loss_of(nn.Linear(2, 1))
    torch.autograd.backward(scaler.scale([first, second]))
    assert [backward.roots for backward in passes.begun] == [(loss,), (first, second)]


def test_a_scaled_loss_that_is_never_differentiated_is_let_go(passes: Passes) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(loss_of(nn.Linear(2, 1)))
    kept = loss_of(nn.Linear(2, 1))
    scaled = scaler.scale(kept)
    from unstuck.observe.torch_hooks import backward

    assert [original for _, original in backward._unscaled.pairs] == [kept]
    scaled.backward()
    assert not backward._unscaled.pairs


def watching(*parameters: Tensor) -> Reaching:
    reaching = Reaching()
    reaching.watch(parameters)
    return reaching


def reached(reaching: Reaching, loss: Tensor, *, alone: bool = False, **kept: bool) -> bool:
    reaching.begins(alone=alone)
    loss.backward(**kept)
    return reaching.ended()


HOW = {"by hooks": False, "by looking": True}


@pytest.fixture(params=HOW.values(), ids=HOW.keys())
def watch(request: pytest.FixtureRequest) -> Iterator[Callable[..., Reaching]]:
    """Makes what watches parameters, by either way; at the end no hook is left."""
    made: list[tuple[Reaching, tuple[Tensor, ...]]] = []

    def make(*parameters: Tensor) -> Reaching:
        reaching = watching(*parameters)
        if request.param:
            reaching.poll()
        made.append((reaching, parameters))
        return reaching

    yield make
    for reaching, _ in made:
        reaching.release()
    assert not any(parameter._backward_hooks for _, parameters in made for parameter in parameters)


def test_a_pass_that_adds_to_a_gradient_reaches_it(watch: Callable[..., Reaching]) -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching = watch(weight)
    assert reached(reaching, weight.sum()), "a new gradient"
    assert reached(reaching, weight.sum()), "one that is added to"
    assert not reached(reaching, other.sum())


def test_parameters_that_are_frozen_are_looked_at_no_more(watch: Callable[..., Reaching]) -> None:
    """Those that are left tell, however few were looked at before."""
    weights = [torch.ones(2, requires_grad=True) for _ in range(20)]
    reaching = watch(*weights)
    assert reached(reaching, torch.stack(weights).sum())
    for weight in weights[:-1]:
        weight.requires_grad_(False)
    assert reached(reaching, torch.stack(weights).sum())
    weights[-1].requires_grad_(False)
    stranger = torch.ones(2, requires_grad=True)
    assert not reached(reaching, torch.stack([*weights, stranger]).sum())
    weights[3].requires_grad_(True)
    assert reached(reaching, torch.stack(weights).sum())


def test_that_gradients_were_cleared_is_known_though_parameters_are_frozen_for_another_pass(
    watch: Callable[..., Reaching],
) -> None:
    """As a critic is while its generator learns."""
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching = watch(weight)
    for _ in range(3):
        assert reached(reaching, weight.sum())
        weight.requires_grad_(False)
        assert not reached(reaching, (weight * other).sum())
        weight.requires_grad_(True)
        assert not reaching.cleared()
        weight.grad = None
        assert reaching.cleared()


def test_a_graph_that_is_kept_is_passed_twice(watch: Callable[..., Reaching]) -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching, loss, stranger = watch(weight), weight.square().sum(), other.square().sum()
    assert reached(reaching, loss, retain_graph=True)
    assert not reached(reaching, stranger, retain_graph=True)
    assert reached(reaching, loss)
    assert not reached(reaching, stranger)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints_reach(watch: Callable[..., Reaching], reentrant: bool) -> None:
    layers, strangers = (nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)) for _ in range(2))
    x = torch.ones(4, 2, requires_grad=True)
    reaching = watch(*layers.parameters())
    for _ in range(2):
        assert reached(reaching, checkpoint(layers, x, use_reentrant=reentrant).sum())
        assert not reached(reaching, checkpoint(strangers, x, use_reentrant=reentrant).sum())


def test_frozen_parameters_are_not_waited_for(watch: Callable[..., Reaching]) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    model[1].requires_grad_(False)
    reaching = watch(*model.parameters())
    assert reached(reaching, loss_of(model))
    model[2].requires_grad_(False)
    other = torch.ones(2, requires_grad=True)
    assert not reached(reaching, loss_of(model) + other.sum())
    model.requires_grad_(True)
    assert reached(reaching, loss_of(model))


def test_what_has_no_trainable_parameter_is_never_reached(watch: Callable[..., Reaching]) -> None:
    weight = torch.ones(2, requires_grad=True)
    for reaching in (watch(), watch(torch.ones(2))):
        assert not reached(reaching, weight.sum())


def test_trainings_are_told_apart(watch: Callable[..., Reaching]) -> None:
    first, second, shared = (torch.ones(2, requires_grad=True) for _ in range(3))
    trainings = watch(first, shared), watch(second, shared)

    def reach(loss: Tensor) -> tuple[bool, ...]:
        for training in trainings:
            training.begins()
        loss.backward()
        return tuple(training.ended() for training in trainings)

    assert reach(first.sum()) == (True, False)
    assert reach(second.sum()) == (False, True)
    assert reach(shared.sum()) == (True, True)
    trainings[0].release()
    assert reach(second.sum())[1]


def test_a_parameter_that_joins_is_watched_too(watch: Callable[..., Reaching]) -> None:
    weights = [torch.ones(1, requires_grad=True) for _ in range(9)]
    reaching = watch(*weights)
    assert not reached(reaching, weights[1].sum()), "not one of those that are looked at"
    assert not reaching.watches({id(weights[1])})
    reaching.join(weights[1])
    assert reaching.watches({id(weights[1])})
    assert reached(reaching, weights[1].sum())


def test_gradients_are_cleared_when_set_to_none_or_zero_and_not_when_clipped(watch: Callable[..., Reaching]) -> None:
    weight = torch.ones(2, requires_grad=True)
    reaching = watch(weight)
    assert not reaching.cleared()
    reached(reaching, weight.sum())
    assert not reaching.cleared()
    torch.nn.utils.clip_grad_norm_([weight], 0.1)
    assert not reaching.cleared()
    assert weight.grad is not None
    weight.grad.zero_()
    assert reaching.cleared()
    reached(reaching, weight.sum())
    assert not reaching.cleared()
    weight.grad = None
    assert reaching.cleared()


def test_alone_it_stops_looking_once_every_pass_reached(watch: Callable[..., Reaching]) -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching = watch(weight)
    for _ in range(SURE_AFTER):
        assert not reaching.sure
        assert reached(reaching, weight.sum(), alone=True)
    assert reaching.sure
    assert reached(reaching, other.sum(), alone=True), "taken for granted"
    assert not weight._backward_hooks, "and nothing is looked at"
    assert not reached(reaching, other.sum()), "with others it looks again"
    assert not reached(reaching, other.sum(), alone=True), "and is never sure any more"


def test_alone_it_is_not_sure_where_a_pass_has_missed(watch: Callable[..., Reaching]) -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching = watch(weight)
    reached(reaching, other.sum(), alone=True)
    for _ in range(2 * SURE_AFTER):
        reached(reaching, weight.sum(), alone=True)
    assert not reached(reaching, other.sum(), alone=True)


def test_hooks_are_gone_after_release_and_keep_nothing_alive() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    reaching = watching(*model.parameters())
    assert reached(reaching, loss_of(model))
    assert any(parameter._backward_hooks for parameter in model.parameters())
    reaching.release()
    assert not any(parameter._backward_hooks for parameter in model.parameters())
    reached(watching(model[0].weight), loss_of(model))
    model.zero_grad()
    loss_of(model).backward()  # of one that was dropped and never released the hook does nothing
    assert model[0].weight.grad is not None


def test_hooks_hear_of_a_pass_that_another_thread_runs() -> None:
    weight = torch.ones(2, requires_grad=True)
    reaching = watching(weight)
    reaching.begins()
    worker = threading.Thread(target=lambda: weight.sum().backward())
    worker.start()
    worker.join()
    assert reaching.ended()
    reaching.release()


def test_gradients_are_the_same_bit_for_bit() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    twin, x = copy.deepcopy(model), torch.randn(16, 2)
    reaching = watching(*model.parameters())
    reaching.begins()
    for net in (model, twin):
        net(x).square().mean().backward()
    assert reaching.ended()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad)
    reaching.release()


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "save": lambda value: (
        (stream := io.BytesIO(), torch.save(value, stream), stream.seek(0)) and torch.load(stream, weights_only=False)
    ),
}


@pytest.mark.parametrize("way", COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize("kind", [nn.Parameter, lambda values: values.requires_grad_()], ids=["parameter", "tensor"])
def test_a_copy_of_a_parameter_warns_of_nothing_and_has_no_hook(
    way: Callable[[Any], Any], kind: Callable[[Tensor], Tensor]
) -> None:
    weight = kind(torch.ones(2))
    reaching = watching(weight)
    assert reached(reaching, weight.sum())
    assert weight._backward_hooks
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin = way(weight)
    assert torch.equal(twin, weight)
    assert twin.requires_grad
    assert not twin._backward_hooks
    reaching.begins()
    twin.sum().backward()
    assert not reaching.ended(), "the copy is another's"
    reaching.release()


def test_a_model_is_saved_without_a_warning_and_without_hooks() -> None:
    model = nn.Linear(2, 1)
    reaching = watching(*model.parameters())
    reached(reaching, loss_of(model))
    stream = io.BytesIO()
    torch.save({"model": model, "state": model.state_dict()}, stream)
    stream.seek(0)
    loaded = torch.load(stream, weights_only=False)
    assert not any(parameter._backward_hooks for parameter in loaded["model"].parameters())
    reaching.release()
