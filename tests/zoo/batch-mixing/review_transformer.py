"""Polarity classifier for short (tokenised) product reviews with a small encoder and a [CLS] token."""
import argparse
import torch
import torch.nn as nn

p = argparse.ArgumentParser()
p.add_argument("--steps", type=int, default=400)
p.add_argument("--batch", type=int, default=64)
p.add_argument("--dim", type=int, default=32)
p.add_argument("--lr", type=float, default=1e-3)
args = p.parse_args()
torch.manual_seed(11)

PAD, CLS, POS, NEG = 0, 1, range(2, 12), range(12, 22)
VOCAB, LEN = 60, 14


def make_reviews(n):
    toks = torch.randint(22, VOCAB, (n, LEN))
    label = torch.randint(0, 2, (n,))
    for i in range(n):
        k = torch.randint(2, 5, ()).item()
        where = torch.randperm(LEN)[:k + 1]
        pool = POS if label[i] else NEG
        other = NEG if label[i] else POS
        toks[i, where[:k]] = torch.randint(pool.start, pool.stop, (k,))
        toks[i, where[k:]] = torch.randint(other.start, other.stop, (1,))
    cls = torch.full((n, 1), CLS)
    return torch.cat([cls, toks], 1), label


class ReviewEncoder(nn.Module):
    def __init__(self, dim, heads=4, layers=2):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, dim)
        self.pos = nn.Parameter(torch.randn(1, LEN + 1, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, dim_feedforward=2 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2))

    def forward(self, ids):
        h = self.tok(ids) + self.pos            # (batch, length, dim)
        h = self.enc(h)
        return self.head(h[:, 0])


xtr, ytr = make_reviews(4000)
xva, yva = make_reviews(512)
model = ReviewEncoder(args.dim)
opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
lossf = nn.CrossEntropyLoss()

avg = 0.0
for step in range(1, args.steps + 1):
    idx = torch.randint(0, len(xtr), (args.batch,))
    loss = lossf(model(xtr[idx]), ytr[idx])
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    avg += loss.item()
    if step % 80 == 0:
        model.eval()
        with torch.no_grad():
            logits = torch.cat([model(c) for c in xva.split(args.batch)])
        acc = (logits.argmax(1) == yva).float().mean().item()
        print(f"step {step:4d}  loss {avg / 80:.4f}  val acc {acc:.3f}")
        avg = 0.0
        model.train()
