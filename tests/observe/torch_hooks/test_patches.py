"""One table of patches, which come with the first listener, go with the last, and hand every call on as it came."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.optim import SGD

from unstuck.observe.torch_hooks import events, patches
from unstuck.observe.torch_hooks.patches import PATCHES, listen, unlisten


class Heard:
    """Writes down what it is told, in order."""

    thread: int | None = None
    updates_of: int | None = None

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        for event in events.EVENTS:
            setattr(self, event, lambda *args, event=event: self.events.append((event, args)))

    def failed(self, error: Exception) -> None:
        raise error

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


@pytest.fixture
def heard() -> Iterator[Heard]:
    listener = Heard()
    listen(listener)
    yield listener
    unlisten(listener)


def loss_of(layer: nn.Module) -> Tensor:
    return layer(torch.ones(3, 2)).square().mean()


def table() -> list[Any]:
    return [patch.owner.__dict__[patch.attribute] for patch in PATCHES]


def test_a_step_is_told_in_order(heard: Heard) -> None:
    layer = nn.Linear(2, 1)
    optimizer = SGD(layer.parameters(), lr=0.1)
    loss = loss_of(layer)
    loss.backward()
    optimizer.step()
    assert heard.names == ["optimizer_made", "backward_begins", "backward_ended", "step_begins", "step_ended"]
    assert heard.events[1][1][0].roots == (loss,)
    assert heard.events[3][1] == (optimizer,)
    assert {id(parameter) for parameter in layer.parameters()} <= events.held_parameters()


def test_the_table_is_put_in_place_once_and_taken_back_by_the_last() -> None:
    before = table()
    first, second = Heard(), Heard()
    listen(first)
    patched = table()
    assert all(now is not was for now, was in zip(patched, before, strict=True))
    listen(second)
    assert table() == patched, "nothing is patched twice"
    unlisten(first)
    loss_of(nn.Linear(2, 1)).backward()
    unlisten(second)
    unlisten(second)
    assert (first.names, second.names) == ([], ["backward_begins", "backward_ended"])
    assert all(now is was for now, was in zip(table(), before, strict=True))
    assert not patches._undo


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"{patch.owner.__name__}.{patch.attribute}")
def test_a_patch_that_came_over_ours_is_kept_and_ours_does_nothing_below_it(patch: patches.Patch) -> None:
    original = patch.owner.__dict__[patch.attribute]
    listener = Heard()
    listen(listener)
    ours = patch.owner.__dict__[patch.attribute]

    def theirs(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs)

    setattr(patch.owner, patch.attribute, theirs)
    try:
        unlisten(listener)
        assert patch.owner.__dict__[patch.attribute] is theirs
        layer = nn.Linear(2, 1)
        optimizer = SGD(layer.parameters(), lr=0.1)
        with torch.no_grad():
            layer.eval()
        loss_of(layer).backward()
        optimizer.step()
        assert listener.names == []
        again = Heard()
        listen(again)
        loss_of(layer).backward()
        unlisten(again)
        assert again.names == ["backward_begins", "backward_ended"], "heard once, though two patches lie there"
        assert patch.owner.__dict__[patch.attribute] is theirs
    finally:
        setattr(patch.owner, patch.attribute, original)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"{patch.owner.__name__}.{patch.attribute}")
def test_a_patch_looks_like_what_it_wraps(patch: patches.Patch, heard: Heard) -> None:
    replacement = patch.owner.__dict__[patch.attribute]
    original = replacement.__wrapped__
    assert replacement.__name__ == original.__name__
    assert replacement.__doc__ == original.__doc__


Spelling = Callable[[Tensor, Tensor], Any]

SPELLINGS: dict[str, Spelling] = {
    "a method": lambda weight, other: (weight * other).sum().backward(),
    "with inputs": lambda weight, other: (weight * other).sum().backward(inputs=[weight]),
    "a generator of inputs": lambda weight, other: (weight * other).sum().backward(inputs=(w for w in [weight])),
    "no inputs": lambda weight, other: (weight * other).sum().backward(inputs=[]),
    "a vector": lambda weight, other: (weight * other).backward(torch.arange(2.0), True),
    "by keyword": lambda weight, other: torch.autograd.backward(
        tensors=(weight * other), grad_tensors=torch.ones(2), retain_graph=True, create_graph=False, inputs=other
    ),
    "a generator of roots": lambda weight, other: torch.autograd.backward(w.sum() for w in (weight * 2, other * 3)),
    "generators of roots and gradients": lambda weight, other: torch.autograd.backward(
        (w for w in (weight * 2, other * 3)), (torch.full((2,), float(i)) for i in range(2))
    ),
    "an edge": lambda weight, other: torch.autograd.backward(get_gradient_edge((weight * other).sum())),
    "no graph": lambda weight, other: torch.ones(()).backward(),
    "no scalar": lambda weight, other: (weight * other).backward(),
    "grad": lambda weight, other: torch.autograd.grad((weight * other).sum(), weight),
    "grad of a generator": lambda weight, other: torch.autograd.grad((weight * other).sum(), (w for w in (weight,))),
    "grad of generators": lambda weight, other: torch.autograd.grad(
        (w.sum() for w in (weight * 2, other * 3)), (w for w in (weight, other))
    ),
    "grad by keyword": lambda weight, other: torch.autograd.grad(
        outputs=(weight * other), inputs=[weight, other], grad_outputs=torch.ones(2), allow_unused=True
    ),
    "grad with regard to an edge": lambda weight, other: torch.autograd.grad(
        (weight * other).sum(), [get_gradient_edge(weight)]
    ),
    "grad of an edge": lambda weight, other: torch.autograd.grad(get_gradient_edge((weight * other).sum()), weight),
    "unused": lambda weight, other: torch.autograd.grad(weight.sum(), other),
    "materialised": lambda weight, other: torch.autograd.grad(weight.sum(), other, materialize_grads=True),
    "twice": lambda weight, other: torch.autograd.grad(
        torch.autograd.grad(weight.pow(3).sum(), weight, create_graph=True)[0].sum(), weight
    ),
}


def outcome(spelling: Spelling) -> list[Any]:
    """What a call gives, leaves in the gradients, or raises."""
    weight, other = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0], requires_grad=True)
    try:
        result = spelling(weight, other)
    except Exception as error:
        return [type(error), str(error)]
    numbers = [] if result is None else [None if g is None else g.tolist() for g in result]
    return [numbers, *(None if w.grad is None else w.grad.tolist() for w in (weight, other))]


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_calls_are_handed_on_as_they_came(spelling: Spelling) -> None:
    expected = outcome(spelling)
    listener = Heard()
    listen(listener)
    try:
        assert outcome(spelling) == expected
    finally:
        unlisten(listener)
    assert listener.names or isinstance(expected[0], type), "it was seen, unless it never came to the engine"


def test_warnings_are_handed_on_in_every_spelling(heard: Heard) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        warnings.warn("by position", UserWarning, 1)
        warnings.warn(message="by keyword", category=DeprecationWarning, stacklevel=1)
        warnings.warn(FutureWarning("an object"), stacklevel=1)
    assert [(str(w.message), w.category, w.filename) for w in shown] == [
        ("by position", UserWarning, __file__),
        ("by keyword", DeprecationWarning, __file__),
        ("an object", FutureWarning, __file__),
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_not_watched() -> None:
    before = table()
    listener = Heard()
    listen(listener)
    events.spare(listener, spared=True)
    try:
        child = os.fork()
        if not child:
            same = all(now is was for now, was in zip(table(), before, strict=True))
            os._exit(0 if same and events.empty() and not patches._undo else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert listener.names == []
        loss_of(nn.Linear(2, 1)).backward()
        assert listener.names == ["backward_begins"], "the process itself is watched as before"
    finally:
        unlisten(listener)
