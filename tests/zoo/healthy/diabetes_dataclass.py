"""Disease progression from ten baseline variables; early stopping on a validation part."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass(frozen=True)
class Config:
    hidden: int = 16
    lr: float = 3e-3
    weight_decay: float = 1e-1
    batch_size: int = 32
    max_epochs: int = 100
    patience: int = 10
    seed: int = int(os.environ.get("SEED", "0"))


class Regressor(nn.Module):
    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU())
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).squeeze(-1)


def main(cfg: Config) -> None:
    torch.manual_seed(cfg.seed)
    X, y = load_diabetes(return_X_y=True, scaled=False)
    g = torch.Generator().manual_seed(7)
    order = torch.randperm(len(X), generator=g).numpy()
    tr, va, te = order[:280], order[280:360], order[360:]
    xs, ys = StandardScaler().fit(X[tr]), StandardScaler().fit(y[tr, None])
    f = lambda i: (torch.tensor(xs.transform(X[i])).float(), torch.tensor(ys.transform(y[i, None])[:, 0]).float())
    (xtr, ytr), (xva, yva), (xte, yte) = f(tr), f(va), f(te)

    model = Regressor(X.shape[1], cfg.hidden)
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    best, best_state, bad = float("inf"), None, 0
    for epoch in range(cfg.max_epochs):
        model.train()
        for idx in torch.randperm(len(xtr)).split(cfg.batch_size):
            opt.zero_grad(set_to_none=True)
            nn.functional.mse_loss(model(xtr[idx]), ytr[idx]).backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(model(xva), yva).item()
        if val < best - 1e-4:
            best, best_state, bad = val, copy.deepcopy(model.state_dict()), 0
        else:
            bad += 1
            if bad >= cfg.patience:
                break
    model.load_state_dict(best_state)
    with torch.no_grad():
        rmse = (model(xte) - yte).pow(2).mean().sqrt().item() * ys.scale_[0]
        r2 = 1 - (model(xte) - yte).pow(2).sum() / (yte - yte.mean()).pow(2).sum()
    print(f"stopped after {epoch + 1} epochs, best val mse {best:.3f}")
    print(f"test RMSE={rmse:.1f} R2={r2:.3f}")


if __name__ == "__main__":
    main(Config())
