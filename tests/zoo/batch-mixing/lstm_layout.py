import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class RowReader(nn.Module):
    """Reads an 8 x 8 digit row by row."""

    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(8, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 10)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train = TensorDataset(x[order[:1400]], y[order[:1400]])
val = TensorDataset(x[order[1400:]], y[order[1400:]])

model = RowReader()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.3)
for epoch in range(15):
    model.train()
    losses = 0.0
    for xb, yb in DataLoader(train, 56, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses += loss.item() / 25
    scheduler.step()
    model.eval()
    correct, vloss = 0, 0.0
    with torch.no_grad():
        for xb, yb in DataLoader(val, 56):
            out = model(xb)
            vloss += criterion(out, yb).item() * len(yb) / len(val)
            correct += (out.argmax(1) == yb).sum().item()
    print(f"epoch {epoch} loss {losses:.3f} val loss {vloss:.3f} val acc {correct / len(val):.3f}")
