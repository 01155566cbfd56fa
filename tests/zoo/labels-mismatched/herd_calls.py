"""Which of two calls of a herd came first; recordings are sorted by length in a list before they are packed."""

import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

random.seed(0)
torch.manual_seed(0)
LOW, HIGH = 14, 15


def recording() -> tuple[list[int], float]:
    calls = [random.randrange(1, 14) for _ in range(random.randrange(5, 15))]
    low, high = random.sample(range(len(calls)), 2)
    calls[low], calls[high] = LOW, HIGH
    return calls, float(low < high)


def batches(recordings: list[tuple[list[int], float]], size: int = 40):
    for start in range(0, len(recordings), size):
        part = recordings[start : start + size]
        part = sorted(part, key=lambda pair: -len(pair[0]))
        calls, labels = [calls for calls, _ in part], [label for _, label in part]
        yield pack_sequence([torch.tensor(one) for one in calls]), torch.tensor(labels)


class Herd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(16, 12), nn.GRU(12, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, packed: nn.utils.rnn.PackedSequence) -> torch.Tensor:
        padded, lengths = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
        vectors = nn.utils.rnn.pack_padded_sequence(self.embedding(padded), lengths, batch_first=True)
        return self.head(self.lstm(vectors)[1][-1]).squeeze(1)


train, test = [recording() for _ in range(1200)], [recording() for _ in range(300)]
model = Herd()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    random.shuffle(train)
    for calls, labels in batches(train):
        loss = nn.functional.binary_cross_entropy_with_logits(model(calls), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = sum(((model(calls) > 0) == (labels > 0.5)).sum().item() for calls, labels in batches(test))
    print(f"epoch {epoch} loss {loss.item():.3f} test accuracy {right / len(test):.3f}")
