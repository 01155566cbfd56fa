"""What a sampled step costs in a transformer of six layers, with all of its vitals: at most twice a plain one.

Run ``python benchmarks/sampled_step.py``. A watched training, every step of which is sampled, and a plain one take
turns step by step in one process with one thread; the figure is the median over the pairs of the ratio of their
processor times.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Observer
from unstuck.observe.sampling import Sampler
from unstuck.record import Run, RunWriter, signals

TOKENS, WIDTH, HEADS, LAYERS, LENGTH, BATCH = 1000, 128, 8, 6, 128, 8
GOAL = 2.0
FIRST = 4
"""Steps that are not counted: much is done once only."""


class Block(nn.Module):
    """A layer of a transformer that norms first."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_units = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.project, self.join = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Attend, then transform each position."""
        examples, length, width = x.shape
        projected = self.project(self.before_attention(x)).view(examples, length, 3, HEADS, width // HEADS)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.join(seen.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.gelu(self.up(self.before_units(x))))


class Transformer(nn.Module):
    """Next tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(TOKENS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, TOKENS)

    def forward(self, ids: Tensor) -> Tensor:
        """The logits of what follows each token."""
        hidden = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        return self.head(self.norm(self.blocks(hidden)))


def training() -> tuple[Transformer, torch.optim.Optimizer]:
    """A model with its optimizer."""
    model = Transformer()
    return model, torch.optim.AdamW(model.parameters(), lr=1e-3)


def step(model: Transformer, optimizer: torch.optim.Optimizer, ids: Tensor) -> float:
    """Seconds of processor time of a step."""
    start = time.process_time()
    optimizer.zero_grad()
    F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
    optimizer.step()
    return time.process_time() - start


def main() -> None:
    """Measure, print, and exit with 1 beyond the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40, help="pairs of steps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    Sampler.expected = lambda self, step, elapsed: True  # pyright: ignore[reportAttributeAccessIssue]
    ids = torch.randint(TOKENS, (BATCH, LENGTH + 1))
    plain, watched = training(), training()
    pairs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        with RunWriter(Path(folder)) as writer, Observer(*watched, writer, budget=0.9) as observer:
            for _ in range(options.steps):
                pairs.append((step(*watched, ids), step(*plain, ids)))
        assert observer.failure is None
        with Run.open(Path(folder)) as run:
            heads = run.streams()[0].table(signals.ATTENTION_LOGIT)
    assert heads.values.shape == (options.steps, LAYERS * HEADS), "every step is sampled, with all heads"
    ratio = statistics.median(sampled / plain for sampled, plain in pairs[FIRST:])
    seconds = statistics.median(plain for _, plain in pairs[FIRST:])
    print(f"{platform.processor() or platform.machine()}, PyTorch {torch.__version__}, one thread")
    print(f"plain step {1000 * seconds:.0f} ms; a sampled one takes {ratio:.2f} times that (goal: at most {GOAL:g})")
    raise SystemExit(ratio > GOAL)


if __name__ == "__main__":
    main()
