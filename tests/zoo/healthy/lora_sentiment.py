"""LoRA on the attention projections of a frozen tiny encoder, moved from one label rule to another."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(19)
VOC, LEN, D = 40, 12, 32


def corpus(n, good, bad):
    ids = torch.randint(0, VOC, (n, LEN))
    score = torch.isin(ids, good).sum(1) - torch.isin(ids, bad).sum(1)
    keep = score != 0
    return ids[keep], (score[keep] > 0).long()


class LoRA(nn.Module):
    def __init__(self, base, r=4, alpha=8):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(r, base.in_features) / r)
        self.up = nn.Parameter(torch.zeros(base.out_features, r))
        self.s = alpha / r

    def forward(self, x):
        return self.base(x) + self.s * (x @ self.down.T @ self.up.T)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(VOC, D)
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))
        self.ff1, self.ff2 = nn.Linear(D, 64), nn.Linear(64, D)
        self.n1, self.n2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.head = nn.Linear(D, 2)

    def forward(self, ids):
        h = self.emb(ids)
        z = self.n1(h)
        h = h + self.o(F.scaled_dot_product_attention(self.q(z), self.k(z), self.v(z)))
        h = h + self.ff2(F.gelu(self.ff1(self.n2(h))))
        return self.head(h.mean(1))


def fit(model, data, val, epochs, lr, tag):
    ps = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(ps, lr=lr)
    n_tr, n_all = sum(p.numel() for p in ps), sum(p.numel() for p in model.parameters())
    print(f"{tag}: training {n_tr} of {n_all} parameters")
    for ep in range(1, epochs + 1):
        tot = 0.0
        for i in torch.randperm(len(data[0])).split(64):
            loss = F.cross_entropy(model(data[0][i]), data[1][i])
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(i)
        if ep % 4 == 0:
            with torch.no_grad():
                acc = (model(val[0]).argmax(1) == val[1]).float().mean()
            print(f"  epoch {ep:2d} loss {tot / len(data[0]):.4f} val acc {acc:.3f}")


words = torch.randperm(VOC)
model = Encoder()
fit(model, corpus(4000, words[:10], words[10:20]), corpus(800, words[:10], words[10:20]), 8, 3e-3, "pretrain")
model.requires_grad_(False)
for name in ("q", "k", "v", "o", "ff1", "ff2"):
    setattr(model, name, LoRA(getattr(model, name)))
new = (words[5:15], words[20:30])
fit(model, corpus(4000, *new), corpus(800, *new), 16, 4e-3, "lora")
