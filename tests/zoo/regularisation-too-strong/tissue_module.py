"""Four tissue types from twenty measurements. A LightningModule-like class without the library."""

import os
import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


class TissueModule(nn.Module):
    def __init__(self, n_features, n_classes, learning_rate=1e-3, weight_decay=2e-4):
        super().__init__()
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.layers = nn.Sequential(
            nn.Linear(n_features, 64),
            nn.LeakyReLU(0.1),
            nn.Linear(64, 32),
            nn.LeakyReLU(0.1),
            nn.Linear(32, n_classes),
        )
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, x):
        return self.layers(x)

    def training_step(self, batch):
        x, y = batch
        return self.criterion(self(x), y)

    def validation_step(self, batch):
        x, y = batch
        out = self(x)
        return self.criterion(out, y).item() * len(y), (out.argmax(1) == y).sum().item(), len(y)

    def configure_optimizers(self):
        opt = torch.optim.Adam(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        return opt, torch.optim.lr_scheduler.CosineAnnealingLR(opt, 15)


class Fitter:
    def __init__(self, max_epochs):
        self.max_epochs = max_epochs

    def fit(self, module, train_loader, val_loader):
        opt, sched = module.configure_optimizers()
        for epoch in range(self.max_epochs):
            module.train()
            losses = []
            for batch in train_loader:
                opt.zero_grad()
                loss = module.training_step(batch)
                loss.backward()
                opt.step()
                losses.append(loss.item())
            sched.step()
            module.eval()
            with torch.no_grad():
                loss, right, n = map(sum, zip(*(module.validation_step(b) for b in val_loader)))
            print(f"epoch={epoch} train_loss={np.mean(losses):.4f} val_loss={loss / n:.4f} val_acc={right / n:.4f}")


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


if __name__ == "__main__":
    seed = int(os.environ.get("SEED", 0))
    seed_everything(seed)
    X, y = make_classification(
        5000,
        20,
        n_informative=10,
        n_redundant=4,
        n_classes=4,
        n_clusters_per_class=2,
        class_sep=1.6,
        flip_y=0.01,
        random_state=seed,
    )
    X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=0.2, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X_tr)
    sets = [
        TensorDataset(torch.tensor(scaler.transform(a), dtype=torch.float32), torch.tensor(b))
        for a, b in ((X_tr, y_tr), (X_va, y_va))
    ]
    module = TissueModule(n_features=20, n_classes=4)
    Fitter(max_epochs=15).fit(module, DataLoader(sets[0], 64, shuffle=True), DataLoader(sets[1], 256))
