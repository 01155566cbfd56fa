"""What is done for all members at once is what torch does for each."""

import pytest
import torch
from torch.nn import functional

from unstuck.stacked import rewrites
from unstuck.stacked.rewrites import PHYSICAL

M, N = 3, 4


@pytest.fixture(autouse=True)
def double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_like_each(func, *args, **kwargs):
    """Values and gradients."""
    dims = tuple(0 if isinstance(value, torch.Tensor) else None for value in args)
    tensors = [value for value in args if isinstance(value, torch.Tensor) and value.is_floating_point()]
    learning = [value.requires_grad_() for value in tensors if value.stride(0)]
    found = PHYSICAL[func](*args, **kwargs)
    expected = torch.stack(
        [func(*(v[k] if d == 0 else v for v, d in zip(args, dims, strict=True)), **kwargs) for k in range(M)]
    )
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    for mine, other in zip(
        torch.autograd.grad((found * weights).sum(), learning),
        torch.autograd.grad((expected * weights).sum(), learning),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias):
    assert_like_each(functional.linear, torch.randn(M, N, 5), torch.randn(M, 2, 5), torch.randn(M, 2) if bias else None)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("options", [(1, 0), (2, 1), ((2, 1), (0, 1)), (1, 2, 2), (1, "same")])
def test_conv2d(shared, options):
    images = torch.randn(N, 3, 7, 8).expand(M, N, 3, 7, 8) if shared else torch.randn(M, N, 3, 7, 8)
    for bias in (torch.randn(M, 6), None):
        assert_like_each(torch.conv2d, images, torch.randn(M, 6, 3, 3, 3), bias, *options)


def test_conv2d_of_groups():
    assert_like_each(torch.conv2d, torch.randn(M, N, 4, 7, 8), torch.randn(M, 6, 2, 3, 3), None, 1, 1, 1, 2)


def test_windows_that_would_take_much_memory_are_not_laid_out(monkeypatch):
    monkeypatch.setattr(rewrites, "WINDOWS", 10)
    assert_like_each(torch.conv2d, torch.randn(N, 3, 7, 8).expand(M, N, 3, 7, 8), torch.randn(M, 6, 3, 3, 3))


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        (functional.max_pool2d, 2),
        (torch.max_pool2d, 3),
        (functional.avg_pool2d, 2),
        (functional.adaptive_avg_pool2d, 1),
    ],
)
def test_pools(pool, size):
    assert_like_each(pool, torch.randn(M, N, 3, 8, 8), size)


def test_cross_entropy_with_classes_that_are_ignored():
    targets = torch.randint(0, 5, (M, N))
    targets[1, 0] = 2
    assert_like_each(functional.cross_entropy, torch.randn(M, N, 5), targets, ignore_index=2)
    targets[0, 1] = -100
    assert_like_each(functional.cross_entropy, torch.randn(M, N, 5), targets)


@pytest.mark.parametrize("causal", [True, False])
def test_attention(causal):
    query, key, value = (torch.randn(M, N, 2, 7, 4) for _ in range(3))
    assert_like_each(functional.scaled_dot_product_attention, query, key, value, is_causal=causal)
    mask = torch.ones(M, 7, 7, dtype=torch.bool)
    assert PHYSICAL[functional.scaled_dot_product_attention](query, key, value, mask) is None


def test_what_there_is_no_better_way_for_is_left_to_vmap():
    scores, targets = torch.randn(M, N, 5), torch.randint(0, 5, (M, N))
    assert PHYSICAL[functional.cross_entropy](scores, targets, reduction="sum") is None
    assert PHYSICAL[functional.cross_entropy](scores, targets, label_smoothing=0.1) is None
    assert PHYSICAL[functional.cross_entropy](scores, scores.softmax(2)) is None
    assert PHYSICAL[functional.linear](torch.randn(M, 5), torch.randn(M, 2, 5)) is None
    assert PHYSICAL[functional.max_pool2d](torch.randn(M, N, 3, 8, 8), 2, return_indices=True) is None
    assert PHYSICAL[functional.avg_pool2d](torch.randn(M, 3, 8, 8), 2) is None
