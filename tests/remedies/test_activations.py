from __future__ import annotations

import gc

import torch
from torch.nn import functional as F

from unstuck.remedies.activations import Made, Makers


def test_results_are_forgotten_with_their_tensors() -> None:
    makers, scores = Makers(), torch.ones(2, 3, requires_grad=True)
    result = scores.softmax(1)
    makers.note(result, Made(F.softmax, scores, "here"))
    assert makers.of(result) is not None
    del result
    gc.collect()
    assert makers._results == {}


def test_views_are_replayed_and_copies_are_not() -> None:
    makers, scores = Makers(), torch.arange(6.0).reshape(2, 3)
    result = scores.softmax(1)
    made = Made(F.softmax, scores, "here")
    makers.note(result, made)
    for view in (result.t(), result[:, 1], result.reshape(-1), result.unsqueeze(0)):
        assert makers.of(view) is made
        again = makers.replayed(view, scores)
        assert again is not None
        assert again.shape == view.shape
    assert torch.equal(makers.replayed(result.t(), scores), scores.t())  # type: ignore[arg-type]
    assert makers.of(result.clone()) is None
    assert makers.of("no tensor") is None


def test_the_last_activation_has_no_weights_behind_it() -> None:
    makers, x, weight = Makers(), torch.ones(2, 3), torch.ones(3, 3, requires_grad=True)
    hidden = (x @ weight).sigmoid()
    makers.note(hidden, Made(torch.sigmoid, x, "hidden"))
    assert makers.last((hidden @ weight).sum()) is None
    output = 2.0 * (hidden @ weight).tanh()
    assert makers.last((output - 1.0).square().mean()) is None
    found = makers.last((2.0 * hidden).mean())
    assert found is not None
    assert found.site == "hidden"
