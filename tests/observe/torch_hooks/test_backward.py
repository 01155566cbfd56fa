import torch
from torch import Tensor

from unstuck.observe.torch_hooks.backward import SURE_AFTER, Reaching


def watching(*parameters: Tensor) -> Reaching:
    reaching = Reaching()
    reaching.watch(parameters)
    return reaching


def reached(reaching: Reaching, loss: Tensor, *, alone: bool = False) -> bool:
    reaching.begins(alone=alone)
    loss.backward()
    return reaching.ended()


def test_a_pass_that_adds_to_a_gradient_reaches_it() -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching = watching(weight)
    assert reached(reaching, weight.sum()), "a new gradient"
    assert reached(reaching, weight.sum()), "one that is added to"
    assert not reached(reaching, other.sum())


def test_gradients_are_cleared_when_set_to_none_or_zero_and_not_when_clipped() -> None:
    weight = torch.ones(2, requires_grad=True)
    reaching = watching(weight)
    reached(reaching, weight.sum())
    assert not reaching.cleared()
    torch.nn.utils.clip_grad_norm_([weight], 0.1)
    assert not reaching.cleared()
    assert weight.grad is not None
    weight.grad.zero_()
    assert reaching.cleared()
    reached(reaching, weight.sum())
    weight.grad = None
    assert reaching.cleared()


def test_alone_it_stops_looking_once_every_pass_reached() -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching = watching(weight)
    for _ in range(SURE_AFTER):
        assert reached(reaching, weight.sum(), alone=True)
    assert reached(reaching, other.sum(), alone=True), "taken for granted"
    assert not reached(reaching, other.sum()), "with others it looks again"
    assert not reached(reaching, other.sum(), alone=True), "and is never sure any more"


def test_alone_it_is_not_sure_where_a_pass_has_missed() -> None:
    weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    reaching = watching(weight)
    reached(reaching, other.sum(), alone=True)
    for _ in range(2 * SURE_AFTER):
        reached(reaching, weight.sum(), alone=True)
    assert not reached(reaching, other.sum(), alone=True)
