"""Store sales with entity embeddings; the target is in currency units and trained on its log."""
import numpy as np
import pandas as pd
import torch
from torch import nn

rng = np.random.default_rng(0)
torch.manual_seed(0)
N = 12000
df = pd.DataFrame({
    "store": rng.integers(0, 60, N), "item": rng.integers(0, 25, N), "dow": rng.integers(0, 7, N),
    "promo": rng.integers(0, 2, N), "price": rng.lognormal(2, 0.4, N)})
store_fx, item_fx = rng.normal(0, 0.5, 60), rng.normal(0, 0.8, 25)
dow_fx = np.array([0, 0, 0.05, 0.1, 0.3, 0.5, 0.2])
mu = (9 + store_fx[df.store] + item_fx[df["item"]] + dow_fx[df.dow] + 0.4 * df.promo * (df["item"] % 3 == 0)
      - 0.8 * (np.log(df.price) - 2))
df["sales"] = np.exp(mu + rng.normal(0, 0.15, N))

CATS = {"store": 60, "item": 25, "dow": 7, "promo": 2}
cat = torch.tensor(df[list(CATS)].to_numpy())
logp = np.log(df.price)
cont = torch.tensor(((logp - logp.mean()) / logp.std()).to_numpy("float32"))[:, None]
logy = torch.tensor(np.log1p(df.sales).to_numpy("float32"))
ntr = 10000
ym, ys = logy[:ntr].mean(), logy[:ntr].std()
target = (logy - ym) / ys


class TabularNet(nn.Module):
    def __init__(self, cards, n_cont):
        super().__init__()
        self.embs = nn.ModuleList(nn.Embedding(c, min(16, (c + 1) // 2 + 1)) for c in cards)
        d = sum(e.embedding_dim for e in self.embs) + n_cont
        self.bn = nn.BatchNorm1d(n_cont)
        self.mlp = nn.Sequential(nn.Linear(d, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, c, x):
        e = [emb(c[:, i]) for i, emb in enumerate(self.embs)]
        return self.mlp(torch.cat(e + [self.bn(x)], 1)).squeeze(1)


net = TabularNet(CATS.values(), 1)
EPOCHS, BS = 15, 128
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
sch = torch.optim.lr_scheduler.OneCycleLR(opt, 8e-3, epochs=EPOCHS, steps_per_epoch=int(np.ceil(ntr / BS)))
for ep in range(1, EPOCHS + 1):
    net.train()
    for idx in torch.randperm(ntr).split(BS):
        loss = nn.functional.mse_loss(net(cat[idx], cont[idx]), target[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sch.step()
    if ep % 3 == 0:
        net.eval()
        with torch.no_grad():
            log_pred = net(cat[ntr:], cont[ntr:]) * ys + ym
        rmsle = (log_pred - logy[ntr:]).pow(2).mean().sqrt().item()
        mape = ((torch.expm1(log_pred) / torch.expm1(logy[ntr:])) - 1).abs().mean().item()
        print(f"epoch {ep:2d} last batch {loss.item():.4f} val RMSLE {rmsle:.4f} (noise 0.15) MAPE {100 * mape:.1f}%")
