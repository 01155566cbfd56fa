"""Digits with a LightningModule, as in Lightning in 15 minutes."""

import warnings

import lightning as L
import torch
from sklearn.datasets import load_digits
from torch import nn, utils
from torch.nn import functional as F

warnings.filterwarnings("ignore")
L.seed_everything(0, verbose=False)


class LitDigits(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        return F.cross_entropy(logits, y)

    def validation_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        self.log("val_loss", F.cross_entropy(logits, y))
        self.log("val_acc", (logits.argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


x, y = load_digits(return_X_y=True)
dataset = utils.data.TensorDataset(torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))
train, val = utils.data.random_split(dataset, [1400, 397])
trainer = L.Trainer(
    max_epochs=20,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
model = LitDigits()
trainer.fit(model, utils.data.DataLoader(train, 32, shuffle=True), utils.data.DataLoader(val, 397))
print({name: value.item() for name, value in trainer.callback_metrics.items()})
