import os
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

digits = load_digits()
x = torch.tensor((digits.images - 4.9) / 6, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
train_loader = DataLoader(TensorDataset(x[perm[:1400]], y[perm[:1400]]), batch_size=35, shuffle=True)
x_val, y_val = x[perm[1400:]], y[perm[1400:]]

model = nn.Sequential(
    nn.Conv2d(1, 10, 3),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(360, 32),
    nn.ReLU(),
    nn.Dropout(0.3),
    nn.Linear(32, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=2e-3)
scheduler = StepLR(optimizer, step_size=10, gamma=0.1)
criterion = nn.CrossEntropyLoss()

for epoch in range(15):
    model.train()
    epoch_loss = 0.0
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
        print(
            f"epoch={epoch:02d} loss={epoch_loss:.4f} val_loss={criterion(logits, y_val):.4f} val_acc={(logits.argmax(1) == y_val).float().mean():.4f}"
        )
