"""Each scene shows what its text says."""

from __future__ import annotations

import shlex
from itertools import pairwise

import numpy as np
import pytest

from unstuck.surfaces.outcome import outcomes
from unstuck.surfaces.scenes import SCENES

KINDS = {
    "valley": ["bounces", "crawls", "arrives"],
    "warm-up": ["diverges", "arrives", "is on its way"],
    "slope": ["crawls", "crawls", "arrives"],
    "local-minimum": ["crawls", "arrives", "stands still", "stands still"],
    "saddle": ["arrives"] * 4,
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_the_command_is_the_scene(scene):
    words = shlex.split(scene.command)
    assert words[:3] == ["unstuck", "race", scene.surface]
    assert [word for before, word in pairwise(words) if before == "--method"] == list(scene.methods)
    assert scene.text.endswith(".")


@pytest.mark.parametrize("name", KINDS)
def test_what_becomes_of_each_method(name):
    assert [outcome.kind for outcome in outcomes(SCENES[name].run())] == KINDS[name]


def test_momentum_overshoots_more_the_less_is_lost():
    beyond = [track.points[:, 0].max() for track in SCENES["momentum"].run()]
    assert beyond[0] < 0
    assert beyond[1] < 0
    assert 0 < beyond[2] < beyond[3]


def test_nesterov_swings_less_than_momentum():
    momentum, nesterov = SCENES["nesterov"].run()
    assert np.abs(nesterov.points[10:, 1]).max() < np.abs(momentum.points[10:, 1]).max() / 3


def test_adagrads_rate_only_falls_and_rmsprops_rises_again():
    _, adagrad, rmsprop = SCENES["slope"].run()
    assert (np.diff(adagrad.effective_rates[:-1, 0]) <= 0).all()
    rates = rmsprop.effective_rates[:-1, 0]
    assert rates[:5].max() < 0.2 * rates[60:].max()


def test_the_mean_bursts_and_decay_cures_it():
    burst, cured, adagrad = SCENES["burst"].run()
    assert burst.losses[500:].max() > 50 * burst.losses[400]
    assert cured.losses[500:].max() < 1.05 * cured.losses[400]
    assert adagrad.losses[500:].max() < 1.05 * adagrad.losses[400]


def test_a_decaying_rate_settles():
    constant, inverse, stairs = ((track.losses[-200:]).mean() for track in SCENES["decay"].run())
    assert inverse < constant / 3
    assert stairs < constant / 3


def test_smaller_batches_wander_further():
    one, sixteen, many = ((track.losses[-200:]).mean() for track in SCENES["noise"].run())
    assert one > 8 * sixteen > 40 * many


def test_momentum_and_rmsprop_leave_the_saddle_early_and_adam_last():
    left = [int(np.argmax(track.losses < 0.5)) for track in SCENES["saddle"].run()]
    sgd, momentum, rmsprop, adam = left
    assert max(momentum, rmsprop) < sgd < adam


def test_noise_says_how_far_each_batch_wanders():
    shares = [outcome.left for outcome in outcomes(SCENES["noise"].run())]
    assert [f"{share:.2g}" for share in shares] == ["0.34", "0.086", "0.021"]
    assert "34%, 8.6% and 2.1%" in SCENES["noise"].text
