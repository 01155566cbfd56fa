"""The update rules against published arrays, and against what theory and least squares say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.optim.functional import adagrad, adam, nesterov, rmsprop, sgd, sgd_momentum

W = np.linspace(-0.4, 0.6, 20).reshape(4, 5)
DW = np.linspace(-0.6, 0.4, 20).reshape(4, 5)
V0 = np.linspace(0.6, 0.9, 20).reshape(4, 5)

# CS231n, assignment 2: eight digits
PUBLISHED = [
    (
        sgd,
        {"learning_rate": 1e-2},
        [
            [-0.394, -0.34189474, -0.28978947, -0.23768421, -0.18557895],
            [-0.13347368, -0.08136842, -0.02926316, 0.02284211, 0.07494737],
            [0.12705263, 0.17915789, 0.23126316, 0.28336842, 0.33547368],
            [0.38757895, 0.43968421, 0.49178947, 0.54389474, 0.596],
        ],
    ),
    (
        sgd_momentum,
        {"learning_rate": 1e-3, "velocity": V0},
        [
            [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789],
            [0.47454737, 0.54133684, 0.60812632, 0.67491579, 0.74170526],
            [0.80849474, 0.87528421, 0.94207368, 1.00886316, 1.07565263],
            [1.14244211, 1.20923158, 1.27602105, 1.34281053, 1.4096],
        ],
    ),
    (
        nesterov,
        {"learning_rate": 1e-3, "velocity": V0},
        [
            [0.08714, 0.15246105, 0.21778211, 0.28310316, 0.34842421],
            [0.41374526, 0.47906632, 0.54438737, 0.60970842, 0.67502947],
            [0.74035053, 0.80567158, 0.87099263, 0.93631368, 1.00163474],
            [1.06695579, 1.13227684, 1.19759789, 1.26291895, 1.32824],
        ],
    ),
    (
        rmsprop,
        {"learning_rate": 1e-2, "cache": V0},
        [
            [-0.39223849, -0.34037513, -0.28849239, -0.23659121, -0.18467247],
            [-0.132737, -0.08078555, -0.02881884, 0.02316247, 0.07515774],
            [0.12716641, 0.17918792, 0.23122175, 0.28326742, 0.33532447],
            [0.38739248, 0.43947102, 0.49155973, 0.54365823, 0.59576619],
        ],
    ),
    (
        adam,
        {"learning_rate": 1e-2, "m": V0, "v": np.linspace(0.7, 0.5, 20).reshape(4, 5), "t": 5},
        [
            [-0.40094747, -0.34836187, -0.29577703, -0.24319299, -0.19060977],
            [-0.1380274, -0.08544591, -0.03286534, 0.01971428, 0.0722929],
            [0.1248705, 0.17744702, 0.23002243, 0.28259667, 0.33516969],
            [0.38774145, 0.44031188, 0.49288093, 0.54544852, 0.59801459],
        ],
    ),
    (
        adagrad,
        {"learning_rate": 1e-2, "cache": V0},
        [[-0.39387628, -0.3416474, -0.28945194, -0.23728959, -0.18515909]],
    ),
]


@pytest.mark.parametrize(("rule", "config", "expected"), PUBLISHED, ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("as_tensor", [False, True], ids=["numpy", "torch"])
def test_published_arrays(rule, config, expected, as_tensor):
    def convert(x):
        return torch.from_numpy(x) if as_tensor and isinstance(x, np.ndarray) else x

    got, _ = rule(convert(W), convert(DW), {k: convert(v) for k, v in config.items()})
    got, expected = np.asarray(got)[: len(expected)], np.array(expected)
    error = np.abs(got - expected) / np.maximum(1e-8, np.abs(got) + np.abs(expected))
    assert error.max() < 2e-7


def test_adam_counts_its_steps():
    config = None
    w = W
    for _ in range(3):
        w, config = adam(w, DW, config)
    assert config["t"] == 3
    by_hand = torch.nn.Parameter(torch.from_numpy(W.copy()))
    optimizer = torch.optim.Adam([by_hand])
    for _ in range(3):
        by_hand.grad = torch.from_numpy(DW)
        optimizer.step()
    np.testing.assert_allclose(w, by_hand.detach().numpy(), rtol=1e-12)


def test_nothing_is_changed_in_place():
    w, config = W.copy(), {"velocity": V0.copy(), "learning_rate": 0.1}
    sgd_momentum(w, DW, config)
    np.testing.assert_array_equal(w, W)
    np.testing.assert_array_equal(config["velocity"], V0)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"lr": 0.1}, "'lr'.*'learning_rate'"),
        ({"learning_rate": -1}, "learning_rate.*-1"),
        ({"momentum": 1.0}, "momentum"),
    ],
)
def test_a_wrong_config_is_refused(config, said):
    with pytest.raises(ArgumentError, match=said):
        sgd_momentum(1.0, 1.0, config)


# Lee, "Pokemon" regression: y = b + w x, gradient of the sum of squared errors
X = np.array([338, 333, 328, 207, 226, 25, 179, 60, 208, 606.0])
Y = np.array([640, 633, 619, 393, 428, 27, 193, 66, 226, 1591.0])
HESSIAN = 2 * np.array([[len(X), X.sum()], [X.sum(), (X * X).sum()]])
OFFSET = 2 * np.array([Y.sum(), (X * Y).sum()])
START = np.array([-120.0, -4.0])


def test_adagrad_solves_what_gradient_descent_cannot():
    w, config = START, {"learning_rate": 1.0, "epsilon": 0.0}
    for _ in range(100_000):
        w, config = adagrad(w, HESSIAN @ w - OFFSET, config)
    np.testing.assert_allclose(w, [-188.3668387495, 2.6692640713], rtol=1e-9)


@pytest.mark.parametrize(("rate", "end"), [(1e-7, (-123.692, 2.4834)), (1e-6, (-149.229, 2.5568))])
def test_gradient_descent_crawls(rate, end):
    w = START
    for _ in range(100_000):
        w, _ = sgd(w, HESSIAN @ w - OFFSET, {"learning_rate": rate})
    assert w == pytest.approx(end, abs=6e-4)


def test_gradient_descent_diverges():
    w = START
    for _ in range(82):
        w, _ = sgd(w, HESSIAN @ w - OFFSET, {"learning_rate": 1e-5})
    assert np.abs(w).max() > 1e100


def test_the_largest_stable_rate():
    flat, steep = np.linalg.eigvalsh(HESSIAN)
    assert (steep, flat) == pytest.approx((1746830.43, 5.573477), rel=1e-6)
    assert steep / flat == pytest.approx(313_418, rel=1e-5)
    optimum = np.linalg.solve(HESSIAN, OFFSET)
    assert optimum == pytest.approx([-188.433197, 2.669455], rel=1e-6)
    ends = {}
    for rate in (0.999 * 1.14493e-6, 1.001 * 1.14493e-6):
        w = START
        for _ in range(10_000):
            w, _ = sgd(w, HESSIAN @ w - OFFSET, {"learning_rate": rate})
        ends[rate] = np.linalg.norm(w - optimum)
    below, above = ends.values()
    assert below < np.linalg.norm(START - optimum)
    assert above > 1e6


@pytest.mark.parametrize("condition", [10, 100, 1_000, 10_000])
def test_rates_on_a_quadratic(condition):
    """Goh, "Why momentum really works" (2017): the error shrinks by the same factor in each step."""
    curvature = np.array([1.0, condition])
    root = math.sqrt(condition)
    rates = {
        sgd: (2 / (1 + condition), 0.0, (condition - 1) / (condition + 1)),
        sgd_momentum: (4 / (1 + root) ** 2, ((root - 1) / (root + 1)) ** 2, (root - 1) / (root + 1)),
    }
    for rule, (rate, momentum, factor) in rates.items():
        config = {"learning_rate": rate} | ({"momentum": momentum} if rule is sgd_momentum else {})
        w = np.array([1.0, 1.0])
        expected = math.log(1e-6) / math.log(factor)
        # heavy ball has a double root there, so n steps shrink the error by n times the n-th power of the factor: its
        # rate is read off late, from a span of steps
        early, late = int(expected), int(2 * expected)
        sizes = {}
        for step in range(1, late + 1):
            w, config = rule(w, curvature * w, config)
            if step in (early, late):
                sizes[step] = np.linalg.norm(w) / (step if rule is sgd_momentum else 1)
        measured = (math.log(sizes[late]) - math.log(sizes[early])) / (late - early)
        assert math.log(1e-6) / measured == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("rule", "arguments", "said"),
    [
        (
            sgd,
            (np.ones(3), np.ones((3, 1))),
            r"dw: received shape \(3, 1\); accepted is \(3,\), the shape of w",
        ),
        (adam, (np.ones(3), np.ones(3), {"m": np.ones(2)}), r"config\['m'\]: received shape \(2,\)"),
        (rmsprop, (1.0, 1.0, 0.01), r"config: received 0\.01; accepted is a dict"),
    ],
)
def test_what_would_broadcast_or_is_no_config_is_refused(rule, arguments, said):
    with pytest.raises(ArgumentError, match=said):
        rule(*arguments)
