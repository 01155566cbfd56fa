"""Character model of Python's help texts."""

import os
import math
import pydoc_data.topics as topics
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

text = "\n".join(topics.topics[k] for k in sorted(topics.topics)).lower()
keep = "abcdefghijklmnopqrstuvwxyz .,()\n"
text = "".join(c for c in text if c in keep)[:150_000]
stoi = {c: i for i, c in enumerate(keep)}
data = torch.tensor([stoi[c] for c in text])
n = int(0.9 * len(data))
train_data, val_data = data[:n], data[n:]

block_size, batch_size = 24, 32


def get_batch(split):
    d = train_data if split == "train" else val_data
    ix = torch.randint(len(d) - block_size - 1, (batch_size,))
    x = torch.stack([d[i : i + block_size] for i in ix])
    y = torch.stack([d[i + 1 : i + block_size + 1] for i in ix])
    return x, y


class CharGRU(nn.Module):
    def __init__(self, vocab, emb=24, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(vocab, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True)
        self.head = nn.Linear(hidden, vocab)

    def forward(self, idx, targets=None):
        h, _ = self.gru(self.embed(idx))
        logits = self.head(h)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


model = CharGRU(len(keep))
max_iters = 400
opt = torch.optim.AdamW(model.parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1.5e-2, total_steps=max_iters)


@torch.no_grad()
def estimate_loss():
    model.eval()
    out = {s: sum(model(*get_batch(s))[1].item() for _ in range(8)) / 8 for s in ("train", "val")}
    model.train()
    return out


for it in range(max_iters):
    if it % 100 == 0:
        l = estimate_loss()
        print(f"step {it}: train loss {l['train']:.4f}, val loss {l['val']:.4f}")
    _, loss = model(*get_batch("train"))
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    sched.step()
l = estimate_loss()
print(f"step {max_iters}: train loss {l['train']:.4f}, val loss {l['val']:.4f}")
print("bits per character", l["val"] / math.log(2))
