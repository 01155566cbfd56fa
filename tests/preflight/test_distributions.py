import numpy as np
import torch
from torch import nn

from unstuck.init.statistics import activation_statistics
from unstuck.preflight.distributions import of_activations, of_gradients


def test_gradients_are_counted_as_numpy_counts_them() -> None:
    gradient = torch.randn(30, 40, generator=torch.Generator().manual_seed(0))
    gradient[:5] = 0.0
    (histogram,) = of_gradients({"0.weight": gradient})
    values = gradient.double().numpy().ravel()
    alive = values[values != 0.0]
    expected, edges = np.histogram(alive, bins=40, range=(histogram.low, histogram.high))
    assert (histogram.low, histogram.high) == (edges[0], edges[-1])
    assert histogram.counts == tuple(expected)
    assert sum(histogram.counts) + histogram.below + histogram.above == len(alive)
    assert histogram.below == (alive < edges[0]).sum() > 0
    assert histogram.above == (alive > edges[-1]).sum() > 0
    assert abs(histogram.zero - 5 / 30) < 1e-12
    assert abs(histogram.spread - np.sqrt(np.mean(values**2))) < 1e-12


def test_gradients_of_zero_and_of_no_number_have_empty_histograms() -> None:
    for gradient in (torch.zeros(3, 4), torch.full((3, 4), float("nan")), torch.zeros(0, 4)):
        (histogram,) = of_gradients({"w": gradient})
        assert sum(histogram.counts) == histogram.below == histogram.above == 0
        assert histogram.low < histogram.high
    assert of_gradients({"w": torch.zeros(3, 4)})[0].zero == 1.0


def test_every_activation_is_in_a_bin_or_zero_or_beyond() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    histograms = of_activations(activation_statistics(model, 4.0 * torch.randn(50, 8)))
    assert [histogram.name for histogram in histograms] == ["0", "2"]
    hidden = histograms[0]
    alive = sum(hidden.counts) + hidden.below + hidden.above
    assert hidden.above > 0
    assert alive == round((1.0 - hidden.zero) * 50 * 16)
