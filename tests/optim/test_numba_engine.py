"""The compiled CPU engine against the reference, on every kind of tensor and from threads and forks."""

from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing

import numpy as np
import pytest
import torch
from torch import nn

import unstuck.optim as ours
from unstuck.optim.numba_engine import CHUNK
from unstuck.optim.sums import Sum

METHODS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "dampening": 0, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Momentum", {"lr": 0.05}),
    ("AveragedMomentum", {"lr": 0.05}),
    ("Nesterov", {"lr": 0.05}),
    ("Adagrad", {"lr": 0.05, "lr_decay": 0.1}),
    ("MeanAdagrad", {"lr": 0.05, "lr_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("Adam", {}),
    ("AdamW", {"amsgrad": True}),
    ("RAdam", {"betas": (0.8, 0.9)}),
]
SHAPES = [(3, 4), (), (CHUNK + 5,), (1,), (2, 0), (2, 3, 4, 5)]


def random(shape, generator):
    x = torch.randn(shape, generator=generator)
    return x.to(memory_format=torch.channels_last) if x.dim() == 4 else x


def train(name, options, engine, steps=6, observe=True):
    generator = torch.Generator().manual_seed(0)
    params = [nn.Parameter(random(s, generator)) for s in SHAPES]
    params.append(nn.Parameter(torch.randn(6, 8, generator=generator)[:, ::2]))  # has gaps in memory
    params.append(nn.Parameter(torch.randn(5, generator=generator).bfloat16()))
    never = nn.Parameter(torch.ones(3))
    optimizer = getattr(ours, name)([*params, never], engine=engine, observe=observe, **options)
    for step in range(steps):
        for k, p in enumerate(params):
            p.grad = torch.randn(p.shape, generator=generator).to(p.dtype)  # in row order, whatever p's order is
            if k == 0 and step in (2, 3):
                p.grad = None
        params[1].grad.zero_()
        optimizer.step()
    return params, optimizer


@pytest.mark.parametrize(("name", "options"), METHODS, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_equal_to_the_reference(name, options):
    expected, reference = train(name, options, "torch")
    got, compiled = train(name, options, "numba")
    for x, y in zip(got, expected, strict=True):
        torch.testing.assert_close(x, y, rtol=2e-5, atol=2e-6)
        for key, state in compiled.state[x].items():
            torch.testing.assert_close(state, reference.state[y][key], rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(compiled.observations().sums, reference.observations().sums, rtol=2e-3, atol=1e-6)
    assert compiled.observations().skipped.tolist() == [False] * len(got) + [True]


def test_float64_is_exact():
    a = nn.Parameter(torch.linspace(-1, 1, 100, dtype=torch.float64))
    b = copy.deepcopy(a)
    mine, theirs = ours.Adam([a], engine="numba"), torch.optim.Adam([b])
    for step in range(50):
        a.grad = torch.sin(torch.arange(100, dtype=torch.float64) + step)
        b.grad = a.grad.clone()
        mine.step()
        theirs.step()
    torch.testing.assert_close(a, b, rtol=1e-13, atol=0)


def gradient_sum(values, which):
    p = nn.Parameter(torch.ones(len(values)))
    p.grad = torch.tensor(values)
    optimizer = ours.SGD([p], lr=0.0, engine="numba")
    optimizer.step()
    return optimizer.observations().sums[0, which]


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1.0, 1e25])
def test_gradient_norm_neither_vanishes_nor_overflows(scale):
    assert gradient_sum([3 * scale, 4 * scale], Sum.GRADIENT_SQ) == pytest.approx(25 * scale * scale, rel=1e-5)


def test_infinite_and_missing_values_are_counted():
    strange = [1.0, float("inf"), float("nan"), -float("inf"), 0.0, -0.0]
    assert gradient_sum(strange, Sum.NON_FINITE) == 3
    assert gradient_sum(strange, Sum.ZEROS) == 2
    assert np.isnan(gradient_sum(strange, Sum.GRADIENT_MAX))
    assert gradient_sum([1.0, -float("inf")], Sum.GRADIENT_MAX) == float("inf")
    assert gradient_sum([1.0, -3.0], Sum.GRADIENT_MAX) == 3


def test_parameters_may_move_in_memory():
    p = nn.Parameter(torch.ones(4))
    optimizer = ours.SGD([p], lr=0.5, momentum=0.9, engine="numba")
    p.grad = torch.ones(4)
    optimizer.step()
    elsewhere = torch.full((4,), 10.0)
    p.data = elsewhere
    optimizer.step()
    assert elsewhere.tolist() == pytest.approx([10 - 0.5 * 1.9] * 4)
    optimizer.state[p]["momentum_buffer"] = torch.zeros(4)
    optimizer.step()
    assert elsewhere.tolist() == pytest.approx([10 - 0.5 * 1.9 - 0.5] * 4)
    optimizer.state.clear()
    optimizer.step()
    assert elsewhere.tolist() == pytest.approx([10 - 0.5 * 1.9 - 1.0] * 4)
    p.data = torch.zeros(4, dtype=torch.float64)
    p.grad = torch.ones(4, dtype=torch.float64)
    optimizer.state.clear()
    optimizer.step()
    assert p.tolist() == [-0.5] * 4


def test_a_parameter_transposed_in_its_place():
    ends = []
    for engine in ("numba", "torch"):
        p = nn.Parameter(torch.arange(9.0).view(3, 3))
        optimizer = ours.Adagrad([p], lr=0.1, engine=engine)
        for step in range(6):
            if step == 3:
                p.data = p.data.t()
            p.grad = torch.arange(9.0).view(3, 3) * (step + 1) - 7
            optimizer.step()
        ends.append(p.detach())
    torch.testing.assert_close(*ends)


def test_a_parameter_cut_short_in_its_place_is_not_read_beyond_its_end():
    p = nn.Parameter(torch.ones(1_000))
    optimizer = ours.SGD([p], lr=0.5, momentum=0.9, engine="numba")
    for _ in range(2):
        p.grad = torch.ones(1_000)
        optimizer.step()
    whole, p.data = p.data, p.data[:3]
    before = whole.clone()
    p.grad = torch.ones(3)
    with pytest.raises(RuntimeError, match="size of tensor"):  # as torch says: its buffer has 1,000 entries
        optimizer.step()
    assert torch.equal(whole, before)
    optimizer.state.clear()
    optimizer.step()
    assert torch.equal(whole[3:], before[3:])
    assert torch.equal(whole[:3], before[:3] - 0.5)


def test_a_step_count_set_by_hand_is_honoured():
    a, b = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    mine, theirs = ours.Adam([a], engine="numba"), torch.optim.Adam([b])
    for step in range(6):
        a.grad = b.grad = torch.full((3,), 1.0 + step)
        if step == 3:
            mine.state[a]["step"].zero_()
            theirs.state[b]["step"].zero_()
        mine.step()
        theirs.step()
    torch.testing.assert_close(a, b)


def test_steps_from_several_threads():
    def work(_):
        return train("Adam", {}, "numba", observe=False)[0]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(8)))
    for params in results[1:]:
        assert all(torch.equal(x, y) for x, y in zip(params, results[0], strict=True))


def large_optimizer():
    torch.set_num_threads(2)
    p = nn.Parameter(torch.zeros(700_000))
    p.grad = torch.ones(700_000)
    return p, ours.SGD([p], lr=1.0, engine="numba")


def take_three(p, optimizer):
    for _ in range(3):
        optimizer.step()
    return p.detach().numpy().sum(), optimizer.observations().gradient_norm[0]


def child(queue, p, optimizer):
    queue.put(take_three(p, optimizer))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_large_tensors_are_shared_between_threads_also_after_a_fork():
    before = torch.get_num_threads()
    expected = take_three(*large_optimizer())
    assert expected == (-2_100_000, pytest.approx(700_000**0.5))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    # the child leaves torch's own parallel operations alone, which do not survive a fork
    process = context.Process(target=child, args=(queue, *large_optimizer()))
    process.start()
    assert queue.get(timeout=60) == expected
    process.join(timeout=60)
    assert process.exitcode == 0
    torch.set_num_threads(before)


def test_the_number_of_threads_does_not_change_the_result():
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        p = nn.Parameter(torch.linspace(-1, 1, 500_000))
        p.grad = torch.sin(p.detach())
        optimizer = ours.Adam([p], engine="numba")
        optimizer.step()
        results.append((p.detach(), optimizer.observations().sums))
    torch.set_num_threads(before)
    assert torch.equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_lazily_negated_gradients_keep_their_sign():
    for shape in [(), (1,), (3,)]:
        p = nn.Parameter(torch.zeros(shape))
        optimizer = ours.SGD([p], lr=1.0, engine="numba")
        for _ in range(2):
            p.grad = torch.full(shape, 2j, dtype=torch.complex64).conj().imag
            assert p.grad.is_neg()
            optimizer.step()
        assert (p == 4).all()
