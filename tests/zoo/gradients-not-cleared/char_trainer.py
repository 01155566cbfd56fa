import os

import torch
import torch.nn.functional as F
from torch import nn

TEXT = (
    "the quick brown fox jumps over the lazy dog while the small grey cat sleeps on the warm red roof. "
    "when rain falls the fox runs home and the dog barks at the cat, but the cat only sleeps and dreams. "
    "in the morning the sun is up, the birds sing over the roof and the fox looks for the dog again. "
)


class CharModel(nn.Module):
    def __init__(self, vocab, context=6, dim=12, hidden=96):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.fc1 = nn.Linear(context * dim, hidden)
        self.fc2 = nn.Linear(hidden, vocab)

    def forward(self, ids):
        h = torch.tanh(self.fc1(self.embed(ids).flatten(1)))
        return self.fc2(h)


class Trainer:
    def __init__(self, model, ids, context=6, batch=64, lr=0.2):
        self.model = model
        self.ids = ids
        self.context = context
        self.batch = batch
        self.opt = torch.optim.SGD(model.parameters(), lr=lr)

    def sample(self):
        at = torch.randint(0, len(self.ids) - self.context, (self.batch,))
        x = torch.stack([self.ids[i : i + self.context] for i in at])
        return x, self.ids[at + self.context]

    def train_epoch(self, steps):
        self.model.train()
        self.opt.zero_grad()
        total = 0.0
        for _ in range(steps):
            x, y = self.sample()
            loss = F.cross_entropy(self.model(x), y)
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            total += loss.item()
        return total / steps

    def fit(self, epochs, steps):
        for epoch in range(epochs):
            print(f"epoch {epoch + 1:2d} loss {self.train_epoch(steps):.4f}")


def main():
    torch.manual_seed(int(os.environ.get("SEED", 0)))
    chars = sorted(set(TEXT))
    ids = torch.tensor([chars.index(c) for c in TEXT * 8])
    trainer = Trainer(CharModel(len(chars)), ids)
    trainer.fit(epochs=12, steps=100)


if __name__ == "__main__":
    main()
