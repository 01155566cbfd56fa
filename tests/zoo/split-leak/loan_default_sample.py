"""Loan default with pandas and entity embeddings (branch, product) beside the numeric columns."""

import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

seed = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

N, BRANCHES, PRODUCTS = 2400, 40, 6
NUM = ["income", "debt", "age", "years_employed"]


def load():
    df = pd.DataFrame(
        {
            "branch": rng.integers(0, BRANCHES, N),
            "product": rng.integers(0, PRODUCTS, N),
            "income": rng.normal(0, 1, N),
            "debt": rng.normal(0, 1, N),
            "age": rng.normal(0, 1, N),
            "years_employed": rng.normal(0, 1, N),
        }
    )
    score = (
        2.2 * df.debt
        - 2.0 * df.income
        - 1.2 * df.years_employed
        + 1.5 * df.debt * (df["product"] > 3)
        + rng.normal(0, 1.0, BRANCHES)[df.branch]
    )
    df["default"] = (score + rng.logistic(0, 0.8, N) > 0).astype(int)
    return df


class LoanNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = nn.Embedding(BRANCHES, 4)
        self.product = nn.Embedding(PRODUCTS, 3)
        self.body = nn.Sequential(nn.Linear(7 + len(NUM), 64), nn.GELU(), nn.Dropout(0.2), nn.Linear(64, 1))

    def forward(self, cat, num):
        e = torch.cat([self.branch(cat[:, 0]), self.product(cat[:, 1]), num], dim=1)
        return self.body(e).squeeze(1)


def tensors(frame):
    return (
        torch.tensor(frame[["branch", "product"]].values),
        torch.tensor(frame[NUM].values, dtype=torch.float32),
        torch.tensor(frame["default"].values, dtype=torch.float32),
    )


class Trainer:
    def __init__(self, model, train_df, valid_df, epochs=12, batch_size=32):
        self.model, self.epochs, self.batch_size = model, epochs, batch_size
        self.train_data, self.valid_data = tensors(train_df), tensors(valid_df)
        self.opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)
        self.loss = nn.BCEWithLogitsLoss()

    def fit(self):
        n = len(self.train_data[2])
        for epoch in range(self.epochs):
            self.model.train()
            running = 0.0
            for idx in torch.randperm(n).split(self.batch_size):
                cat, num, y = (t[idx] for t in self.train_data)
                loss = self.loss(self.model(cat, num), y)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                running += loss.item() * len(idx)
            self.sched.step()
            val_loss, acc = self.validate()
            print(f"epoch {epoch:2d} train {running / n:.4f} valid {val_loss:.4f} acc {acc:.3f}")

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        cat, num, y = self.valid_data
        out = self.model(cat, num)
        return self.loss(out, y).item(), ((out > 0) == (y > 0.5)).float().mean().item()


df = load()
train_df = df.sample(frac=0.8, random_state=seed)
valid_df = df.drop(train_df.index)
for col in NUM:
    m, s = train_df[col].mean(), train_df[col].std()
    train_df[col] = (train_df[col] - m) / s
    valid_df[col] = (valid_df[col] - m) / s
Trainer(LoanNet(), train_df, valid_df).fit()
