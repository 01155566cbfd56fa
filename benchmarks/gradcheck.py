"""The gradient check against torch's own in both modes, a large model by sample, and all checks of the default recipe.

Run ``python benchmarks/gradcheck.py``; it prints one table. The two gradient checks run in turns within one process,
and medians over the turns are compared, so that a busy moment of the machine hits both alike.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from unstuck import check_gradients
from unstuck.preflight import run_checks
from unstuck.train import Recipe, subject_of

KINKED = (
    *("ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardtanh"),
    *("Hardsigmoid", "Hardswish", "Hardshrink", "Softshrink", "Tanhshrink", "Sigmoid", "LogSigmoid", "Tanh"),
    *("Softplus", "Softsign"),
)


def timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def small_network() -> tuple[nn.Sequential, Tensor, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 16, 10)
    )
    return model, torch.randn(3, 1, 8, 8), torch.tensor([3, 1, 4])


def against_torch(turns: int) -> tuple[float, float, float, int]:
    model, inputs, targets = small_network()
    twin, inputs_64 = small_network()[0].double(), inputs.double()
    names = [name for name, _ in twin.named_parameters()]

    def loss(*parameters: Tensor) -> Tensor:
        outputs = functional_call(twin, dict(zip(names, parameters, strict=True)), (inputs_64,))
        return functional.cross_entropy(outputs, targets)

    def ours() -> object:
        return check_gradients(model, functional.cross_entropy, (inputs, targets), coordinates="all", inputs=False)

    def theirs() -> object:
        return torch.autograd.gradcheck(loss, tuple(twin.parameters()), fast_mode=False)

    result = check_gradients(model, functional.cross_entropy, (inputs, targets), coordinates="all", inputs=False)
    assert result.verdict == "right"
    theirs()
    pairs = [(timed(ours), timed(theirs)) for _ in range(turns)]
    mine, torchs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return mine, torchs, result.max_relative_error, result.checked


def transformer() -> tuple[nn.Sequential, Tensor, Tensor]:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True, dropout=0.0)
    body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    model = nn.Sequential(body, nn.Flatten(), nn.Linear(192, 10))
    return model, torch.randn(3, 6, 32), torch.tensor([3, 1, 4])


def perceptron() -> tuple[nn.Sequential, Tensor, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    return model, torch.randn(3, 784), torch.tensor([3, 1, 4])


def against_fast_mode(make: Callable[[], tuple[nn.Sequential, Tensor, Tensor]], turns: int) -> tuple[float, float]:
    """Seconds of a check by sample, and the median of its ratio to torch's fast mode, in turns."""
    model, inputs, targets = make()
    twin, inputs_64 = make()[0].double(), inputs.double()
    names = [name for name, _ in twin.named_parameters()]

    def loss(*parameters: Tensor) -> Tensor:
        outputs = functional_call(twin, dict(zip(names, parameters, strict=True)), (inputs_64,))
        return functional.cross_entropy(outputs, targets)

    def ours() -> object:
        return check_gradients(model, functional.cross_entropy, (inputs, targets), inputs=False)

    def theirs() -> object:
        return torch.autograd.gradcheck(loss, tuple(twin.parameters()), fast_mode=True)

    ours()
    theirs()
    pairs = [(timed(ours), timed(theirs)) for _ in range(turns)]
    return statistics.median(one for one, _ in pairs), statistics.median(one / other for one, other in pairs)


def false_alarms() -> tuple[int, int, int]:
    """Activations that the two call wrong where some points lie at kinks: ours, torch's fast mode, of how many."""
    points = torch.tensor([-3.0, -1.0, -0.5, -2e-6, 0.0, 3e-7, 2e-6, 0.3, 0.5, 1.0, 1.7, 3.0, 6.0, -4.2, 5.1])
    ours = theirs = 0
    for name in KINKED:
        module = getattr(nn, name)().eval()
        ours += not check_gradients(module, points, coordinates="all").ok
        given = points.double().requires_grad_()
        theirs += not torch.autograd.gradcheck(module.double(), (given,), fast_mode=True, raise_exception=False)
    return ours, theirs, len(KINKED)


def large_model() -> tuple[float, int, int]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 800), nn.ReLU(), nn.Linear(800, 450), nn.ReLU(), nn.Linear(450, 10))
    batch = torch.randn(64, 784), torch.arange(64) % 10
    began = time.perf_counter()
    result = check_gradients(model, functional.cross_entropy, batch)
    assert result.verdict == "right", str(result)
    return time.perf_counter() - began, sum(p.numel() for p in model.parameters()), result.checked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    ours, theirs, error, checked = against_torch(turns)
    print(f"small CNN, all {checked:,} coordinates, largest relative error {error:.1e}")
    print(f"  unstuck.check_gradients               {ours:8.3f} s")
    print(f"  torch.autograd.gradcheck, slow mode   {theirs:8.3f} s")
    print(f"  ratio                                 {theirs / ours:8.1f}     (8 or more wanted)")
    print("by sample, compared with torch.autograd.gradcheck's fast mode")
    for name, make in (("small CNN", small_network), ("perceptron", perceptron), ("transformer", transformer)):
        seconds, ratio = against_fast_mode(make, turns)
        print(f"  {name:<36}  {seconds:8.3f} s   {ratio:.1f} times as long")
    mine, torchs, of = false_alarms()
    print(f"activations called wrong at kinks     {mine} of {of}, by fast mode {torchs}")
    seconds, size, checked = large_model()
    print(f"{size:,} parameters, {checked} coordinates {seconds:8.2f} s   (below 10 s wanted)")
    checklist = run_checks(subject_of(Recipe.read()))
    assert checklist.ok, str(checklist)
    print(f"default recipe, {len(checklist.checks)} checks {checklist.seconds:8.2f} s   (below 5 s wanted)")


if __name__ == "__main__":
    main()
