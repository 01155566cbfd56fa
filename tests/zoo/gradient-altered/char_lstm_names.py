# Character LSTM on made-up place names, SGD as in the old Torch tutorials
import random
import torch
import torch.nn as nn

random.seed(2)
torch.manual_seed(2)
FIRST = ["north", "south", "oak", "kings", "stone", "green"]
MIDDLE = ["field", "bridge", "wood", "ham", "ford"]
LAST = ["", " on sea", " upon tyne", " hill"]
text = "\n".join(random.choice(FIRST) + random.choice(MIDDLE) + random.choice(LAST) for _ in range(3000)) + "\n"
chars = sorted(set(text))
index = {c: i for i, c in enumerate(chars)}
encoded = torch.tensor([index[c] for c in text])
split = int(len(encoded) * 0.9)


def get_batch(lo, hi, batch=32, length=40):
    starts = torch.randint(lo, hi - length - 1, (batch,))
    seq = torch.stack([encoded[s:s + length + 1] for s in starts])
    return seq[:, :-1], seq[:, 1:]


class CharModel(nn.Module):
    def __init__(self, vocab, hidden=80):
        super().__init__()
        self.embed = nn.Embedding(vocab, 32)
        self.lstm = nn.LSTM(32, hidden, batch_first=True)
        self.decode = nn.Linear(hidden, vocab)

    def forward(self, x, state=None):
        out, state = self.lstm(self.embed(x), state)
        return self.decode(out), state


model = CharModel(len(chars))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
for step in range(1, 401):
    x, y = get_batch(0, split)
    logits, _ = model(x)
    loss = criterion(logits.reshape(-1, len(chars)), y.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    if step % 40 == 0:
        model.eval()
        with torch.no_grad():
            xv, yv = get_batch(split, len(encoded))
            val = criterion(model(xv)[0].reshape(-1, len(chars)), yv.reshape(-1))
        model.train()
        print(f"step {step:4d} | train loss {loss.item():.3f} | val loss {val.item():.3f}")

state, c, out = None, torch.tensor([[index["\n"]]]), ""
with torch.no_grad():
    for _ in range(120):
        logits, state = model(c, state)
        c = torch.multinomial(logits[0, -1].softmax(-1), 1).view(1, 1)
        out += chars[c.item()]
print(out)
