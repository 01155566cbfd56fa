"""Scenes: races that show one thing each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.entry import Entry
from unstuck.surfaces.race import Track, race, race_command
from unstuck.surfaces.surface import Surface, Window

__all__ = ["SCENES", "Scene"]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A race with what there is to see in it.

    Attributes:
        name: Its name on the command line.
        shows: What it shows, in one line.
        text: What to look at, and why it happens.
        surface: One of :data:`~unstuck.surfaces.catalogue.SURFACES`.
        methods: The entries, as :meth:`Entry.parse` reads them.
        steps: How many.
        window: What is drawn, where that is not the surface's own.
        start: Where it begins, where that is not the surface's own.
    """

    name: str
    shows: str
    text: str
    surface: str
    methods: tuple[str, ...]
    steps: int
    window: Window | None = None
    start: tuple[float, float] | None = None

    @property
    def place(self) -> Surface:
        """The surface, with the scene's own start and window."""
        surface = SURFACES[self.surface]
        return replace(surface, start=self.start or surface.start, window=self.window or surface.window)

    @property
    def command(self) -> str:
        """The command that makes the same race: change it to see what happens."""
        options = [f"--start={self.start[0]:g},{self.start[1]:g}"] if self.start else []
        if self.window:
            options.append(f"--window={','.join(f'{edge:g}' for edge in self.window)}")
        return race_command(self.surface, self.methods, steps=self.steps, options=options)

    def run(self) -> list[Track]:
        """Run the race."""
        return race(self.place, [Entry.parse(method) for method in self.methods], steps=self.steps)


SCENES: dict[str, Scene] = {
    scene.name: scene
    for scene in (
        Scene(
            name="valley",
            shows="one rate bounces, another crawls, and none does both directions; Adagrad has one for each",
            text=(
                "In a long narrow valley rate 1e-2 is too large for the walls: it bounces between them, the loss "
                "stays, and the gradient is as large as at the start. Rate 1e-7 is small enough for the walls and "
                "gets down, but on the flat floor it does not arrive in 100,000 steps. Adagrad divides by the size "
                "of past gradients, each parameter by its own, and is there in 86."
            ),
            surface="valley",
            methods=("sgd lr=1e-2", "sgd lr=1e-7", "adagrad lr=0.5"),
            steps=100_000,
        ),
        Scene(
            name="regression",
            shows="the same on real data: a line through ten points, which gradient descent cannot fit",
            text=(
                "The loss of a straight line through ten points, with inputs that are not scaled: the condition "
                "number is 313,418. Rates 1e-7 and 1e-6 crawl, 1e-5 diverges; the largest stable one is 1.14e-6. "
                "Adagrad with rate 1 is at the least-squares solution, bias -188.4 and weight 2.67."
            ),
            surface="regression",
            methods=("sgd lr=1e-7", "sgd lr=1e-6", "sgd lr=1e-5", "adagrad lr=1"),
            steps=100_000,
        ),
        Scene(
            name="momentum",
            shows="momentum: too little creeps along the floor, enough is quick, too much overshoots and swings",
            text=(
                "With momentum 0.5 the steps along the flat direction add up to twice their length, with 0.9 to ten "
                "times, with 0.98 to fifty. Across the valley the gradients change their sign, and momentum averages "
                "them away; but a velocity that is lost at 2% a step swings past the minimum again and again."
            ),
            surface="bowl",
            methods=(
                "sgd lr=0.01", "momentum lr=0.01 momentum=0.5", "momentum lr=0.01 momentum=0.9",
                "momentum lr=0.01 momentum=0.98",
            ),
            steps=150,
        ),
        Scene(
            name="nesterov",
            shows="Nesterov's two arrows: first the velocity, then the gradient where it leads",
            text=(
                "Each step is the sum of two arrows: the velocity that is left, and the gradient's correction. "
                "Momentum takes the gradient where it stands, Nesterov where the first arrow ends, and so sees the "
                "wall before it climbs it. Step through the first twenty steps."
            ),
            surface="bowl",
            methods=("momentum lr=0.02 momentum=0.9", "look-ahead-nesterov lr=0.02 momentum=0.9"),
            steps=60,
        ),
        Scene(
            name="adagrad",
            shows="Adagrad slows down: its sum only grows, so its rate only falls",
            text=(
                "Adagrad divides by the root of the sum of all squared gradients. The steep start of this valley "
                "stays in that sum for ever, and the effective rate falls as one over the root of the number of "
                "steps. RMSprop forgets the start, Adam too."
            ),
            surface="crescent",
            methods=("adagrad lr=0.1", "rmsprop lr=0.03 alpha=0.9", "adam lr=0.05"),
            steps=400,
        ),
        Scene(
            name="burst",
            shows="Adagrad by the mean bursts when small gradients pile up; a decaying rate cures it",
            text=(
                "With the mean of the squared gradients in place of their sum, the divisor shrinks as long as "
                "gradients are small. Along the floor the steps across it grow, until the weight is thrown out of "
                "the valley; the large gradients there calm it, and all begins anew. A rate that decays as 1/t cures "
                "it, and Adagrad itself has that decay in its sum."
            ),
            surface="regression",
            methods=("mean-adagrad lr=1", "mean-adagrad lr=1 schedule=inverse-time rate=0.001", "adagrad lr=10"),
            steps=4_000,
        ),
        Scene(
            name="slope",
            shows="RMSprop follows a slope that changes on the way, which Adagrad does not",
            text=(
                "At the left end of the crescent the first parameter is steep, at the top it is flat, at the right "
                "end it is steep again. RMSprop divides by recent gradients, so its effective rate for that "
                "parameter rises on the flat part and falls on the steep one. Adagrad's only falls."
            ),
            surface="crescent",
            methods=("sgd lr=0.02", "adagrad lr=0.1", "rmsprop lr=0.03 alpha=0.9"),
            steps=400,
        ),
        Scene(
            name="adam",
            shows="Adam: RMSprop with momentum and bias correction",
            text=(
                "Adam steps by a running average of the gradient, divided by the root of a running average of its "
                "square. It keeps RMSprop's rate for each parameter, and momentum takes it along bent valleys."
            ),
            surface="rosenbrock",
            methods=("sgd lr=1e-3", "momentum lr=1e-3", "rmsprop lr=0.01", "adam lr=0.1"),
            steps=1_000,
        ),
        Scene(
            name="warm-up",
            shows="a rate that is too large for the start and right later: warm-up takes it there",
            text=(
                "This rate throws the method out at the steep start, where curvature is largest. With the rate "
                "growing in a line over the first fifty steps the same method is past the steep part before it is "
                "large, and arrives; with a rate of 0.01 all along it is still on its way by then."
            ),
            surface="crescent",
            methods=("momentum lr=0.2", "momentum lr=0.2 warmup=50", "momentum lr=0.01"),
            steps=200,
        ),
        Scene(
            name="saddle",
            shows="a saddle: the gradient vanishes and training seems over, until the way out is found",
            text=(
                "Every method first comes down to the saddle at 0, where the gradient is nearly 0. The way out is "
                "the direction (1, 1), along which the loss bends down; what little there is of it grows by the same "
                "factor at each step. Momentum adds these up and RMSprop divides by how small they are, so both are "
                "out early; Adam remembers the larger ones for a thousand steps and is last."
            ),
            surface="saddle",
            methods=("sgd lr=0.05", "momentum lr=0.05", "rmsprop lr=0.05", "adam lr=0.05"),
            steps=200,
        ),
        Scene(
            name="plateau",
            shows="a plateau that ends in a cliff: small gradients for long, then a very large one",
            text=(
                "On the plateau gradients are small and plain gradient descent is slow; at the cliff they are large "
                "and the step is long. Methods that divide by the size of the gradient go at a steady pace."
            ),
            surface="cliff",
            methods=("sgd lr=0.1", "momentum lr=0.1", "adagrad lr=0.3", "adam lr=0.1"),
            steps=300,
        ),
        Scene(
            name="local-minimum",
            shows="a local minimum in the corner of an L: momentum rolls on, others stay",
            text=(
                "In the corner of the L the gradient is 0 and the loss is higher than at the end of the second arm. "
                "Gradient descent and Adam at this rate stop there; a velocity of the right size carries on. It is "
                "luck rather than insight: with momentum 0.95 it swings back and stays too."
            ),
            surface="local-minimum",
            methods=("sgd lr=0.02", "momentum lr=0.02", "momentum lr=0.02 momentum=0.95", "adam lr=0.1"),
            steps=500,
        ),
        Scene(
            name="decay",
            shows="noisy gradients: a constant rate wanders about the minimum, a decaying one settles",
            text=(
                "Each derivative has noise on it, as from small batches. With a constant rate the weights end up "
                "wandering in a cloud whose size goes with the rate. A rate that decays keeps the quick start and "
                "lets the cloud shrink."
            ),
            surface="bowl",
            methods=(
                "sgd lr=0.05 noise=8", "sgd lr=0.05 schedule=inverse-time rate=0.02 noise=8",
                "sgd lr=0.05 schedule=step step_size=150 gamma=0.2 noise=8",
            ),
            steps=600,
        ),
        Scene(
            name="noise",
            shows="batch size: the smaller the batch, the noisier the gradient, by one over its root",
            text=(
                "Noise of a gradient falls as one over the root of the batch size: 16, 4 and 1 stand for batches of "
                "1, 16 and 256. The same rate wanders 34%, 8.6% and 2.1% of the way about the minimum, a quarter at "
                "each sixteenfold batch; small batches want a smaller rate, or one that decays."
            ),
            surface="bowl",
            methods=("sgd lr=0.04 noise=16", "sgd lr=0.04 noise=4", "sgd lr=0.04 noise=1"),
            steps=400,
        ),
    )
}  # fmt: skip
"""Every scene by its name."""
