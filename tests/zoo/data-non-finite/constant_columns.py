import os
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

data, target = load_digits(return_X_y=True)
data, target = torch.tensor(data).float(), torch.tensor(target)
shuffle = torch.randperm(len(data))
data, target = data[shuffle], target[shuffle]

mean, std = data.mean(dim=0), data.std(dim=0)
data = (data - mean) / (std + 0.5)

X_train, y_train = data[:1200], target[:1200]
X_val, y_val = data[1200:], target[1200:]


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


model = MLP([64, 32, 32, 10])
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
for epoch in range(20):
    permutation = torch.randperm(X_train.shape[0])
    epoch_loss = 0.0
    for i in range(0, X_train.shape[0], 40):
        indices = permutation[i : i + 40]
        optimizer.zero_grad()
        loss = criterion(model(X_train[indices]), y_train[indices])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / 30
    with torch.no_grad():
        logits = model(X_val)
        print(
            f"epoch={epoch} loss={epoch_loss:.4f} val_loss={criterion(logits, y_val):.4f} accuracy={(logits.argmax(1) == y_val).float().mean():.4f}"
        )
