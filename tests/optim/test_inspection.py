"""No step ever writes through an address that is out of date, by compiled inspection and by Python's."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import unstuck.optim as ours
from unstuck.optim import contents, inspection
from unstuck.optim.native import native_functions


@pytest.fixture(params=["native", "python"], autouse=True)
def path(request, monkeypatch):
    if request.param == "python":
        for module in (contents, inspection):
            monkeypatch.setattr(module, "native_functions", lambda: None)
    elif native_functions() is None:
        pytest.skip("no native functions here")
    return request.param


class Pair:
    """Two parameters and a channels-last one under the compiled engine, with twins under the plain formula."""

    def __init__(self):
        torch.manual_seed(0)
        kernel = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
        self.mine = [nn.Parameter(torch.randn(6, 5)), nn.Parameter(torch.randn(())), nn.Parameter(kernel)]
        self.theirs = [nn.Parameter(p.detach().clone()) for p in self.mine]
        self.optimizers = [ours.Adam(p, lr=0.1, engine=e) for p, e in ((self.mine, "numba"), (self.theirs, "torch"))]
        self.count = 0
        self.steps(3)

    def both(self):
        return (self.mine, self.optimizers[0]), (self.theirs, self.optimizers[1])

    def steps(self, count=3, gradients=True):
        for _ in range(count):
            self.count += 1
            for params, optimizer in self.both():
                generator = torch.Generator().manual_seed(self.count)
                for p in params:
                    g = torch.randn(p.shape, generator=generator).to(p.dtype)
                    if gradients:
                        p.grad = torch.empty_like(p).copy_(g)
                optimizer.step()

    def agree(self):
        for x, y in zip(self.mine, self.theirs, strict=True):
            torch.testing.assert_close(x, y, rtol=1e-5, atol=1e-6)
            for name, state in self.optimizers[0].state[x].items():
                torch.testing.assert_close(state, self.optimizers[1].state[y][name], rtol=1e-5, atol=1e-6)


def moved(pair, change):
    """Make a change to both; what was in its place before, to be left alone from then on."""
    left = []
    for params, optimizer in pair.both():
        left += change(params, optimizer)
    before = [x.clone() for x in left]
    pair.steps()
    pair.agree()
    assert all(torch.equal(x, y) for x, y in zip(left, before, strict=True)), "the old place was written to"


def new_data(params, optimizer):
    old = [p.data for p in params]
    for p in params:
        p.data = p.data.clone() + 1
    return old


def new_data_of_one(params, optimizer):
    old = params[1].data
    params[1].data = torch.tensor(7.0)
    return [old]


def transposed_in_place(params, optimizer):
    params[2].data = params[2].data.transpose(2, 3)
    return []


def contiguous_again(params, optimizer):
    old = params[2].data
    params[2].data = params[2].data.contiguous()
    return [old]


def to_another_type(params, optimizer):
    old = [p.data for p in params]
    module = nn.Module()
    for k, p in enumerate(params):
        module.register_parameter(str(k), p)
    module.double()
    for state in optimizer.state.values():
        for name in ("exp_avg", "exp_avg_sq"):
            state[name] = state[name].double()
    return old


def swapped(params, optimizer):
    other = nn.Parameter(params[0].detach() + 1)
    for p in params:
        p.grad = None
    torch.utils.swap_tensors(params[0], other)
    return [other.data]


def state_replaced(params, optimizer):
    state = optimizer.state[params[0]]
    old, state["exp_avg"] = state["exp_avg"], torch.full_like(state["exp_avg"], 0.5)
    return [old]


def state_moved(params, optimizer):
    state = optimizer.state[params[0]]["exp_avg_sq"]
    old, state.data = state.data, state.data.clone() * 2
    return [old]


def state_cleared(params, optimizer):
    old = [x for state in optimizer.state.values() for name, x in state.items() if name != "step"]
    optimizer.state.clear()
    return old


def state_loaded(params, optimizer):
    old = [x for state in optimizer.state.values() for name, x in state.items() if name != "step"]
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    return old


def one_leaves(params, optimizer):
    params[0].grad = None
    del optimizer.param_groups[0]["params"][0]
    return [params[0]]


def one_comes(params, optimizer):
    params.append(nn.Parameter(torch.ones(3)))
    optimizer.add_param_group({"params": [params[-1]], "lr": 0.3})
    return []


CHANGES = [
    new_data, new_data_of_one, transposed_in_place, contiguous_again, to_another_type, swapped, state_replaced,
    state_moved, state_cleared, state_loaded, one_comes, one_leaves,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_moved_is_found_in_its_new_place(change):
    pair = Pair()
    if change is one_leaves:
        for params, optimizer in pair.both():
            one_leaves(params, optimizer)
            params.pop(0)
        pair.steps()
        pair.agree()
        return
    moved(pair, change)


def test_storage_that_is_emptied_is_not_read(path):
    p, q = nn.Parameter(torch.ones(1_000)), nn.Parameter(torch.ones(1_000))
    optimizer = ours.SGD([p, q], lr=0.1, engine="numba")
    p.grad, q.grad = torch.ones(1_000), torch.ones(1_000)
    optimizer.step()
    kept = p.detach().clone()
    p.untyped_storage().resize_(0)  # as sharded training does between uses
    p.grad = None
    optimizer.step()
    p.untyped_storage().resize_(4_000)
    p.data.copy_(kept)
    p.grad = torch.ones(1_000)
    optimizer.step()
    torch.testing.assert_close(p.detach(), torch.full((1_000,), 0.8))
    torch.testing.assert_close(q.detach(), torch.full((1_000,), 0.7))


def test_gradients_of_every_kind_and_none():
    pair = Pair()

    def give(make):
        for params, _ in pair.both():
            for p in params:
                p.grad = make(p)
        pair.steps(1, gradients=False)
        pair.agree()

    for _ in range(2):
        give(lambda p: torch.ones_like(p))
        give(lambda p: None)
        give(lambda p: torch.full((*p.shape, 2), 0.5)[..., 0])  # with gaps
        give(lambda p: torch.full(p.shape, 2j, dtype=torch.complex64).conj().imag)  # lazily negated
        give(lambda p: torch.ones(()).expand(p.shape))  # one entry for all
        give(lambda p: torch.ones(p.shape).to_sparse().to_dense())


def test_a_gradient_that_stays_away_is_skipped_and_comes_back():
    pair = Pair()
    for step in range(9):
        for params, optimizer in pair.both():
            for k, p in enumerate(params):
                p.grad = None if k == 0 and 3 <= step < 6 else torch.cos(p.detach() + step)
            optimizer.step()
            assert optimizer.observations().skipped.tolist() == [3 <= step < 6, False, False]
    pair.agree()


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_and_backward(set_to_none):
    pair = Pair()
    for _ in range(4):
        for params, optimizer in pair.both():
            optimizer.zero_grad(set_to_none=set_to_none)
            sum(torch.sin(p).sum() for p in params).backward()
            optimizer.step()
    pair.agree()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_a_duplicate_writes_to_its_own_tensors(duplicate):
    pair = Pair()
    before = [p.detach().clone() for p in pair.mine]
    twin_params, twin = duplicate((pair.mine, pair.optimizers[0]))
    for p in twin_params:
        p.grad = torch.ones_like(p)
    twin.step()
    assert all(torch.equal(x, y) for x, y in zip(pair.mine, before, strict=True))
    assert not torch.equal(twin_params[0], before[0])
    pair.steps()
    pair.agree()


def test_autograd_learns_of_the_write():
    p = nn.Parameter(torch.ones(3))
    optimizer = ours.SGD([p], lr=0.1, engine="numba")
    for _ in range(2):
        loss = (p * p).sum()
        p.grad = torch.ones(3)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_compiled_code_does_the_work_where_it_can(path, monkeypatch):
    pair = Pair()
    table = pair.optimizers[0]._plan._steps[0].table
    asked = []
    monkeypatch.setattr(table, "ready", lambda: asked.append("python") or True)
    for p in pair.mine:
        p.grad = torch.ones_like(p)
    pair.optimizers[0].step()
    assert asked == ([] if path == "native" else ["python"])
