"""A signal keeps within its share, and every training has a fair part of it."""

from __future__ import annotations

import numpy as np
import pytest

from unstuck.record.schema import HEAD
from unstuck.record.thinning import LEAST, ROW_BYTES, Thinning, Track

ROW = 8 + ROW_BYTES


def fill(thinning: Thinning, stream: int, samples: int, size: int = 8) -> None:
    for step in range(samples):
        if thinning.offer(stream, step, size) is not None:
            while (crowded := thinning.crowded()) is not None:
                thinning.halve(crowded)


def kept(thinning: Thinning) -> dict[int, int]:
    return {stream: track.kept for stream, track in thinning._tracks.items()}


def positions(track: Track) -> list[int]:
    return [p for p in range(track.offered) if p < track.head or p % track.stride == 0]


def test_a_single_training_keeps_its_head():
    thinning = Thinning(100 * 2 * ROW)
    fill(thinning, 0, 10_000)
    track = thinning._tracks[0]
    assert track.head == HEAD
    assert 100 < track.kept <= 200
    assert thinning.total <= 100 * 2 * ROW


def test_the_number_kept_is_that_of_the_positions_kept():
    thinning = Thinning(50 * ROW)
    rng = np.random.default_rng(0)
    for stream in rng.integers(0, 9, 3_000):
        fill(thinning, int(stream), 1)
    for track in thinning._tracks.values():
        assert track.kept == len(positions(track))
        assert track.kept_bytes <= track.kept * ROW
    assert thinning.total == sum(track.kept_bytes for track in thinning._tracks.values())


@pytest.mark.parametrize("samples", [40, 1_000])
def test_a_later_training_is_seen_as_well_as_an_early_one(samples):
    thinning = Thinning(100_000)
    for stream in range(60):
        fill(thinning, stream, samples)
    numbers = kept(thinning)
    assert max(numbers.values()) <= 4 * min(numbers.values())
    assert thinning.total <= 100_000
    early, late = np.mean([numbers[s] for s in range(20)]), np.mean([numbers[s] for s in range(40, 60)])
    assert early / 2.1 <= late <= 2.1 * early, "within a factor of two, to a sample"


def test_thousands_of_trainings_keep_the_least_each():
    thinning = Thinning(100_000)
    for stream in range(2_000):
        fill(thinning, stream, 40)
    assert all(LEAST // 2 <= number <= LEAST for number in kept(thinning).values())
    assert len(thinning._largest) < 10 * 2_000, "what is kept in memory grows with the trainings alone"


def test_a_long_training_among_short_ones_pays_first():
    thinning = Thinning(20_000)
    fill(thinning, 0, 5_000)
    for stream in range(1, 10):
        fill(thinning, stream, 30)
    numbers = kept(thinning)
    assert all(numbers[stream] == 30 for stream in range(1, 10))
    assert numbers[0] >= 64


def test_large_samples_keep_within_the_share_too():
    thinning = Thinning(1_000_000)
    fill(thinning, 0, 1_000, size=40_000)
    track = thinning._tracks[0]
    assert thinning.total <= 1_000_000
    assert positions(track)[:8] == list(range(8)), "the first are kept"
    assert positions(track)[-1] > 500, "and some of the last"


def test_a_sample_that_comes_late_is_left_out():
    thinning = Thinning(1_000)
    assert [thinning.offer(0, step, 8) for step in (0, 5, 4, 5, 6)] == [0, 1, None, 2, 3]
