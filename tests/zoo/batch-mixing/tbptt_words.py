import os
import torch
from torch import nn
from pydoc_data.topics import topics

torch.manual_seed(int(os.environ.get("SEED", 0)))
text = "\n".join(topics[k] for k in sorted(topics))[:60000].lower()
chars = sorted(set(text))
ix = {c: i for i, c in enumerate(chars)}
data = torch.tensor([ix[c] for c in text])
B, T = 16, 32
data = data[: len(data) // B * B].view(B, -1)
emb, rnn, out = nn.Embedding(len(chars), 32), nn.LSTM(32, 96, batch_first=True), nn.Linear(96, len(chars))
ps = [*emb.parameters(), *rnn.parameters(), *out.parameters()]
opt = torch.optim.Adam(ps, 3e-3)
for ep in range(3):
    h = None
    tot = n = 0
    for s in range(0, data.size(1) - T - 1, T):
        if h is not None:
            h = tuple(v.detach() for v in h)
        y, h = rnn(emb(data[:, s : s + T]), h)
        loss = nn.functional.cross_entropy(out(y).flatten(0, 1), data[:, s + 1 : s + T + 1].flatten())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(ps, 1.0)
        opt.step()
        tot += loss.item()
        n += 1
    print(ep, tot / n)
