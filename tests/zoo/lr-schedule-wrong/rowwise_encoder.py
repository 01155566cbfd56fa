"""Digits read row by row by a tiny transformer; linear warm-up, then inverse square root decay."""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)
CFG = dict(d_model=48, heads=4, layers=2, lr=3e-3, warmup=150, epochs=12, bs=48)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0, dtype=torch.float32).view(-1, 8, 8) - 0.3
y = torch.tensor(y)
tr, va = train_test_split(range(len(y)), test_size=0.2, stratify=y, random_state=17)
train_dl = DataLoader(TensorDataset(X[tr], y[tr]), batch_size=CFG["bs"], shuffle=True)


class RowTransformer(nn.Module):
    def __init__(self, d_model, heads, layers):
        super().__init__()
        self.proj = nn.Linear(8, d_model)
        self.pos = nn.Embedding(8, d_model)
        block = nn.TransformerEncoderLayer(d_model, heads, 2 * d_model, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(block, layers)
        self.cls = nn.Linear(d_model, 10)

    def forward(self, x):
        h = self.proj(x) + self.pos(torch.arange(x.shape[1]))
        return self.cls(self.encoder(h).mean(1))


def inv_sqrt(step, warm=CFG["warmup"]):
    step += 1
    return min(step / warm, (warm / step) ** 0.5)


model = RowTransformer(CFG["d_model"], CFG["heads"], CFG["layers"])
optim = torch.optim.AdamW(model.parameters(), lr=CFG["lr"], betas=(0.9, 0.98), weight_decay=0.01)
sched = torch.optim.lr_scheduler.LambdaLR(optim, inv_sqrt)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(1, CFG["epochs"] + 1):
    model.train()
    running, seen = 0.0, 0
    for xb, yb in train_dl:
        optim.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        sched.step()
        running += loss.item() * len(xb)
        seen += len(xb)
    model.eval()
    with torch.no_grad():
        logits = model(X[va])
        vloss, vacc = loss_fn(logits, y[va]).item(), (logits.argmax(1) == y[va]).float().mean().item()
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d} train {running / seen:.4f} val {vloss:.4f} acc {vacc:.3f}")
