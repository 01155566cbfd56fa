"""Character LSTM on a page of text."""

import os
from pydoc_data.topics import topics
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
CHARS = -4000
text = " ".join(
    " ".join(topics[k].lower().split())
    for k in (
        "import",
        "class",
        "try",
        "with",
        "function",
        "debugger",
        "strings",
        "typesseq",
        "formatstrings",
        "compound",
    )
    if k in topics
)
alphabet = sorted(set(text))
code = {c: i for i, c in enumerate(alphabet)}
ids = torch.tensor([code[c] for c in text])
train, valid = ids[:CHARS], ids[-4000:]
T, B = 24, 24


def sample(src, n):
    s = torch.randint(0, len(src) - T - 1, (n,))
    w = torch.stack([src[i : i + T + 1] for i in s.tolist()])
    return w[:, :-1], w[:, 1:]


class CharLSTM(nn.Module):
    def __init__(self, n, h=64):
        super().__init__()
        self.emb, self.rnn, self.out = nn.Embedding(n, 24), nn.LSTM(24, h, batch_first=True), nn.Linear(h, n)

    def forward(self, x):
        return self.out(self.rnn(self.emb(x))[0])


model = CharLSTM(len(alphabet))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for it in range(1, 451):
    model.train()
    x, y = sample(train, B)
    loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    if it % 50 == 0:
        model.eval()
        with torch.no_grad():
            x, y = sample(valid, 150)
            v = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        print("iter %d train %.3f valid %.3f" % (it, loss.item(), v.item()))
