# Character-level language model with a GRU on made-up place names
import os
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

seed = int(os.environ.get("SEED", "0"))
random.seed(seed)
torch.manual_seed(seed)
first = ["bram", "hol", "stan", "kirk", "wood", "ash", "nor", "east", "wick", "thorn"]
middle = ["ber", "ing", "le", "er", "a", ""]
last = ["ton", "ham", "by", "ford", "well", "worth", "field", "stead"]
names = [random.choice(first) + random.choice(middle) + random.choice(last) for _ in range(3000)]
alphabet = ["<pad>", "^", "$", *sorted(set("".join(names)))]
index = {c: i for i, c in enumerate(alphabet)}


class Letters(nn.Module):
    def __init__(self, size=96):
        super().__init__()
        self.embed = nn.Embedding(len(alphabet), 32, padding_idx=0)
        self.rnn = nn.GRU(32, size, batch_first=True)
        self.out = nn.Linear(size, len(alphabet))

    def forward(self, x, state=None):
        hidden, state = self.rnn(self.embed(x), state)
        return self.out(hidden), state


def batch_of(words):
    inputs = pad_sequence([torch.tensor([index[c] for c in "^" + w]) for w in words], batch_first=True)
    targets = pad_sequence([torch.tensor([index[c] for c in w + "$"]) for w in words], batch_first=True)
    return inputs, targets


net = Letters()
criterion = nn.CrossEntropyLoss(ignore_index=0)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
train, valid = names[:2600], names[2600:]
for epoch in range(8):
    random.shuffle(train)
    net.train()
    for i in range(0, len(train), 50):
        x, y = batch_of(train[i : i + 50])
        opt.zero_grad()
        scores, _ = net(x)
        loss = criterion(scores.flatten(0, 1), y.flatten())
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        x, y = batch_of(valid)
        held_out = criterion(net(x)[0].flatten(0, 1), y.flatten()).item()
        made = set()
        for _ in range(100):
            letter, state, word = torch.tensor([[1]]), None, ""
            while len(word) < 20:
                scores, state = net(letter, state)
                letter = torch.multinomial(scores[:, -1].softmax(-1), 1)
                if letter.item() == 2:
                    break
                word += alphabet[letter.item()]
            made.add(word)
    real = sum(any(w.startswith(f) for f in first) and any(w.endswith(e) for e in last) for w in made)
    print(f"epoch {epoch} loss {loss.item():.3f} held out {held_out:.3f} well formed {real / len(made):.3f}")
