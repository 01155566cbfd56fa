"""New pictures from old: a batch is cropped, flipped, moved, distorted and recoloured at random, on its device.

kornia does it, which is optional: ``pip install 'unstuck[augment]'``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import ConfigDict
from torch import Tensor

from unstuck.data.batches import Batches
from unstuck.data.dataset import Dataset
from unstuck.data.scaling import Scaling
from unstuck.errors import ArgumentError
from unstuck.optional import require

__all__ = ["Augmentation", "Augmented", "Augmenter"]

RATIO = (0.9, 1.1)  #: width to height of a crop: pictures are hardly distorted

HUE = 0.25  #: of ``colour``: a hue turned as far as brightness changes makes another object of it


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How pictures may be changed while training; nothing is by default, and evaluation never sees any of it.

    Args:
        crop: Least share of the area that a crop keeps, 0 to 1; it is enlarged to the whole size, so that things are
            seen at several scales. 1 does not crop.
        flip: Whether half of the pictures are mirrored, left to right. Wrong for digits and letters.
        shift: Greatest shift in either direction, as a share of the side, 0 to 1; what comes in is black.
        rotate: Greatest turn to either side, in degrees, 0 to 180.
        zoom: Greatest change of size to either side, as a share, 0 to 1: 0.1 draws factors from 0.9 to 1.1.
        shear: Greatest slant to either side, in degrees, 0 to below 90: how much handwriting leans.
        colour: Greatest change of brightness and contrast, as a share, 0 to 1; of saturation too where there are
            three channels, and of hue a quarter as much.

    Raises:
        ArgumentError: A share or an angle is outside its range.
    """

    # How a recipe's table becomes one: no key that it does not have, no value of another type.
    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    crop: float = 1.0
    flip: bool = False
    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    colour: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.crop <= 1.0:
            raise ArgumentError(f"crop={self.crop!r}: the least share of the area is accepted, above 0 to 1")
        for name, share in (("shift", self.shift), ("zoom", self.zoom), ("colour", self.colour)):
            if not 0.0 <= share < 1.0:
                raise ArgumentError(f"{name}={share!r}: a share is accepted, from 0 to below 1")
        if not 0.0 <= self.rotate <= 180.0:
            raise ArgumentError(f"rotate={self.rotate!r}: degrees are accepted, from 0 to 180")
        if not 0.0 <= self.shear < 90.0:
            raise ArgumentError(f"shear={self.shear!r}: degrees are accepted, from 0 to below 90")

    @property
    def on(self) -> bool:
        """Whether it changes anything."""
        return self != Augmentation()

    def build(self, data: Dataset, *, seed: int = 0) -> Augmenter:
        """Make it for a data set.

        Raises:
            ArgumentError: The data are no pictures.
            MissingPackageError: kornia is not installed.
        """
        if len(data.features) != 3:
            given = next(
                f"{name}={value!r}" for name, value in vars(self).items() if value != getattr(Augmentation, name)
            )
            raise ArgumentError(
                f"{given}: pictures of shape (channels, height, width) can be augmented, got examples of shape "
                f"{data.features} of {data.name!r}; leave [augment] out"
            )
        return Augmenter(self, data, seed=seed)


class Augmenter:
    """Change batches of inputs as an augmentation says.

    The changes are drawn from a generator of its own: the same seed gives the same pictures, and the global random
    state is as before. Pictures are brought to the range 0 to 1 of the training part meanwhile, where colours mean
    something, and back to their scaling afterwards.
    """

    def __init__(self, augmentation: Augmentation, data: Dataset, *, seed: int = 0) -> None:
        channels, height, width = data.features
        self._change = _sequence(augmentation, channels, height, width)
        self._generator = torch.Generator().manual_seed(seed)
        inputs = data.train.inputs
        scaling = data.input_scaling
        self._mean, self._std = _constants(scaling, inputs)
        raw = inputs * self._std + self._mean
        self._least = raw.min()
        self._width = (raw.max() - self._least).clamp_min(torch.finfo(torch.float32).tiny)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Changed inputs, (N, C, H, W) as before, on the same device."""
        seed = int(torch.randint(2**62, (), generator=self._generator))
        # kornia draws from the global state of the CPU, whatever the device.
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.default_generator.manual_seed(seed)
            changed: Tensor = self._change(self.pictures(inputs))
        return (changed * self._width + self._least - self._mean) / self._std

    def pictures(self, inputs: Tensor) -> Tensor:
        """Inputs as pictures with values 0 to 1."""
        return ((inputs * self._std + self._mean - self._least) / self._width).clamp(0.0, 1.0)


@dataclass(frozen=True)
class Augmented:
    """Batches of changed inputs, other ones at each pass.

    Attributes:
        batches: The batches as they are.
        change: What is done with the inputs of each.
    """

    batches: Batches
    change: Augmenter

    def __len__(self) -> int:
        """Batches of a pass."""
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for inputs, targets in self.batches:
            yield self.change(inputs), targets


def _sequence(wanted: Augmentation, channels: int, height: int, width: int) -> Any:
    kornia = require("kornia.augmentation", extra="augment", purpose="augmentation")
    steps: list[Any] = []
    if wanted.crop < 1.0:
        steps.append(kornia.RandomResizedCrop((height, width), scale=(wanted.crop, 1.0), ratio=RATIO))
    if wanted.flip:
        steps.append(kornia.RandomHorizontalFlip(p=0.5))
    if wanted.shift or wanted.rotate or wanted.zoom or wanted.shear:
        steps.append(
            kornia.RandomAffine(
                wanted.rotate,
                translate=(wanted.shift, wanted.shift),
                scale=(1.0 - wanted.zoom, 1.0 + wanted.zoom) if wanted.zoom else None,
                shear=wanted.shear or None,
                p=1.0,
            )
        )
    if wanted.colour:
        around = (1.0 - wanted.colour, 1.0 + wanted.colour)
        steps += [kornia.RandomBrightness(around, p=1.0), kornia.RandomContrast(around, p=1.0)]
        if channels == 3:
            turn = wanted.colour * HUE
            steps += [kornia.RandomSaturation(around, p=1.0), kornia.RandomHue((-turn, turn), p=1.0)]
    return kornia.AugmentationSequential(*steps)


def _constants(scaling: Scaling | None, like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation on the device of the data."""
    if scaling is None:
        return like.new_zeros(()), like.new_ones(())
    mean, std = (torch.from_numpy(values).to(like) for values in (scaling.mean, scaling.std))
    return mean, std
