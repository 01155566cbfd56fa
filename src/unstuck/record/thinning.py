"""Which samples of a signal are kept: a fair share for each training, however many there are."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from unstuck.record.schema import HEAD

__all__ = ["LEAST", "Thinning", "Track", "offer_together"]

LEAST = 16
"""Samples that a training keeps of a signal at least, however many trainings share it; about a quarter of its head."""

ROW_BYTES = 24  # what SQLite keeps for a row beside its blob


@dataclass(slots=True)
class Track:
    """The samples of one training: position ``p`` is kept where ``p < head`` or ``p % stride == 0``.

    Attributes:
        step: Step of the latest sample.
        offered: Samples offered so far.
        kept: How many of them are kept.
        kept_bytes: What these take in the file.
        head: Samples at the start that are all kept.
        stride: Of the later ones, those whose position it divides.
    """

    step: int = 0
    offered: int = 0
    kept: int = 0
    kept_bytes: int = 0
    head: int = HEAD
    stride: int = 1

    def keeps(self, position: int) -> bool:
        """Whether the sample of a position is kept."""
        return position < self.head or position % self.stride == 0

    def halve(self) -> None:
        """Keep about half of what there is: of the later samples first, of the head once it is the larger part."""
        if self.kept - min(self.head, self.offered) > self.head or self.head <= LEAST // 2:
            self.stride *= 2
        else:
            self.head //= 2
            self.stride = max(2, self.stride)
        # What is kept now was kept before too, for strides are powers of two and heads shrink.
        first = min(self.head, self.offered)
        self.kept = first + len(range(-(-first // self.stride) * self.stride, self.offered, self.stride))


class Thinning:
    """Thin one signal over all trainings of a run.

    The samples of all trainings together may take ``share`` bytes. When they take more, the training that takes most,
    to within a factor of two, gives up every second of its samples after its head, and when its head is the larger
    part, half of that. A later training is therefore seen as well as an early one. Where so many share a signal that it
    would be less, each training keeps ``least`` samples, and the file grows with their number.

    Args:
        share: Bytes for the signal.
        least: Samples that each training keeps at least.

    Attributes:
        total: Bytes that the samples of all trainings take.

    Examples:
        >>> thinning = Thinning(share=20_000)
        >>> kept = [step for step in range(1_000) if thinning.offer(0, step, 8) is not None]
        >>> len(kept), thinning.crowded()  # 32,000 bytes: training 0 is to be thinned
        (1000, 0)
    """

    def __init__(self, share: int, *, least: int = LEAST) -> None:
        self.total = 0
        self.share = share
        self._least = least
        self._tracks: dict[int, Track] = {}
        self._largest: list[tuple[int, int]] = []

    def offer(self, stream: int, step: int, size: int) -> int | None:
        """Offer one sample.

        Args:
            stream: The training that it belongs to.
            step: Its step; a sample that comes after one of a later step is left out.
            size: Bytes of its values.

        Returns:
            Its position, which is to be written; None where it is left out.
        """
        return offer_together([(self, step, size)], stream)[0]

    def crowded(self) -> int | None:
        """The training that has to be thinned now; None where the signal keeps within its share."""
        while self.total > self.share and self._largest:
            level, stream = heapq.heappop(self._largest)
            track = self._tracks[stream]
            # What it was pushed with may be out of date; what is true now has then been pushed since.
            if -level == track.kept_bytes.bit_length() and track.kept > self._least:
                return stream
        return None

    def halve(self, stream: int) -> Track:
        """Thin a training by about half.

        Returns:
            Its track: samples that it does not keep are to be deleted.
        """
        track = self._tracks[stream]
        before, bytes_before = track.kept, track.kept_bytes
        track.halve()
        self.total -= bytes_before
        track.kept_bytes = bytes_before * track.kept // before
        self.total += track.kept_bytes
        if track.kept_bytes:
            heapq.heappush(self._largest, (-track.kept_bytes.bit_length(), stream))
        return track


def offer_together(offers: Sequence[tuple[Thinning, int, int]], stream: int) -> list[int | None]:
    """Offer several samples of one training, in one loop: a sampled step offers one of each of some thirty signals.

    Args:
        offers: For each sample the thinning of its signal, its step and the bytes of its values.
        stream: The training.

    Returns:
        What :meth:`Thinning.offer` gives for each, up to the first whose signal takes more than its share by then: it
        is to be thinned before the others are offered.
    """
    positions: list[int | None] = []
    for thinning, step, size in offers:
        tracks = thinning._tracks  # pyright: ignore[reportPrivateUsage]
        track = tracks.get(stream)
        if track is None:
            track = tracks[stream] = Track()
        if step < track.step:
            positions.append(None)
            continue
        track.step = step
        position = track.offered
        track.offered += 1
        if position >= track.head and position % track.stride:
            positions.append(None)
            continue
        track.kept += 1
        level = track.kept_bytes.bit_length()
        track.kept_bytes += size + ROW_BYTES
        thinning.total += size + ROW_BYTES
        now = track.kept_bytes.bit_length()
        # Sorted by powers of two, so that a training's place changes a dozen times, not with every sample.
        if now > level or track.kept == thinning._least + 1:  # pyright: ignore[reportPrivateUsage]
            heapq.heappush(thinning._largest, (-now, stream))  # pyright: ignore[reportPrivateUsage]
        positions.append(position)
        if thinning.total > thinning.share:
            break
    return positions
