"""Small convolutional network on 8 by 8 digits, with validation after each pass."""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
torch.set_num_threads(1)

pictures, labels = load_digits(return_X_y=True)
pictures = torch.tensor(pictures / 16.0, dtype=torch.float32).reshape(-1, 1, 8, 8)
labels = torch.tensor(labels)
order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(3))
train, test = order[:1400], order[1400:]

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(512, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()

for epoch in range(25):
    model.train()
    for chosen in train[torch.randperm(len(train))].split(64):
        loss = criterion(model(pictures[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(pictures[test])
        val_loss = criterion(logits, labels[test]).item()
        accuracy = (logits.argmax(1) == labels[test]).float().mean().item()
    if epoch % 6 == 0:
        print(f"epoch {epoch:2d} loss {loss.item():.4f} val {val_loss:.4f} acc {accuracy:.3f}")
print(f"val {val_loss:.4f} acc {accuracy:.3f}")
