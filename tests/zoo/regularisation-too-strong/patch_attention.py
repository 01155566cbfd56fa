import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))


class PatchAttention(nn.Module):
    """Sixteen 2 x 2 patches of an 8 x 8 digit, one block of attention."""

    def __init__(self, dim=48):
        super().__init__()
        self.embed = nn.Linear(4, dim)
        self.place = nn.Parameter(0.1 * torch.randn(16, dim))
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 96), nn.GELU(), nn.Dropout(0.1), nn.Linear(96, dim))
        self.head = nn.Linear(dim, 10)

    def forward(self, img):
        p = F.unfold(img, 2, stride=2).transpose(1, 2)
        h = self.embed(p) + self.place
        q, k, v = self.qkv(self.n1(h)).chunk(3, -1)
        h = h + self.proj(F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0])
        h = h + self.mlp(self.n2(h))
        return self.head(h.mean(1))


raw = load_digits()
img = torch.tensor(raw.images, dtype=torch.float32)[:, None]
img = (img - 4.88) / 6.02
lab = torch.tensor(raw.target)
perm = torch.randperm(len(img))
tr, te = perm[:1440], perm[1440:]
net = PatchAttention()
opt = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4)
for epoch in range(16):
    net.train()
    total = 0.0
    for b in tr[torch.randperm(len(tr))].split(48):
        opt.zero_grad()
        loss = F.cross_entropy(net(img[b]), lab[b])
        loss.backward()
        opt.step()
        total += loss.item() / 30
    net.eval()
    with torch.no_grad():
        out = net(img[te])
    acc = (out.argmax(1) == lab[te]).float().mean()
    print(f"epoch {epoch + 1} train {total:.4f} val {F.cross_entropy(out, lab[te]):.4f} acc {acc:.4f}")
