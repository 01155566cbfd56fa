"""Churn model: rare positives, so the minority class is upsampled; report F1 on the hold-out."""
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import resample
from torch import nn

SEED = 21
torch.manual_seed(SEED)


def load_customers():
    x, y = make_classification(3000, 24, n_informative=8, n_redundant=4, n_clusters_per_class=2, weights=[0.9],
                               flip_y=0.08, class_sep=1.1, random_state=SEED)
    df = pd.DataFrame(x, columns=[f"f{i}" for i in range(24)])
    df["churn"] = y
    return df


def upsample(df):
    major, minor = df[df.churn == 0], df[df.churn == 1]
    minor = resample(minor, n_samples=len(major), replace=True, random_state=SEED)
    return pd.concat([major, minor]).sample(frac=1, random_state=SEED)


data = load_customers()
train, hold = train_test_split(data, test_size=0.25, stratify=data.churn, random_state=SEED)
train = upsample(train)

scaler = StandardScaler().fit(train.drop(columns="churn"))


def tensors(d):
    return (torch.tensor(scaler.transform(d.drop(columns="churn")), dtype=torch.float32),
            torch.tensor(d.churn.to_numpy(), dtype=torch.float32))


class Trainer:
    def __init__(self, net, lr=1e-3, bs=64):
        self.net, self.bs = net, bs
        self.opt = torch.optim.Adam(net.parameters(), lr=lr)
        self.loss = nn.BCEWithLogitsLoss()

    def fit(self, x, y, val, epochs):
        for ep in range(1, epochs + 1):
            self.net.train()
            losses = []
            for idx in torch.randperm(len(x)).split(self.bs):
                self.opt.zero_grad()
                l = self.loss(self.net(x[idx]).squeeze(1), y[idx])
                l.backward()
                self.opt.step()
                losses.append(l.item())
            if ep % 4 == 0:
                print(f"ep {ep:3d} train {np.mean(losses):.4f} | " + self.report(*val))

    @torch.no_grad()
    def report(self, x, y):
        self.net.eval()
        z = self.net(x).squeeze(1)
        prob = torch.sigmoid(z).numpy()
        return f"holdout loss {self.loss(z, y):.4f} auc {roc_auc_score(y, prob):.3f} f1 {f1_score(y, prob > .5):.3f}"


xt, yt = tensors(train)
net = nn.Sequential(nn.Linear(24, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
Trainer(net).fit(xt, yt, tensors(hold), epochs=20)
