"""A loop with Accelerate and accumulation of gradients, as in its guides."""

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

set_seed(0)
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
x, y = load_digits(return_X_y=True)
order = torch.randperm(len(y))
x, y = torch.tensor(x / 16, dtype=torch.float32)[order], torch.tensor(y)[order]
train_dataloader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=16, shuffle=True)
eval_dataloader = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=64)

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
num_epochs = 12
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, num_epochs * len(train_dataloader))
model, optimizer, train_dataloader, eval_dataloader, scheduler = accelerator.prepare(
    model, optimizer, train_dataloader, eval_dataloader, scheduler
)
loss_function = nn.CrossEntropyLoss()

for epoch in range(num_epochs):
    model.train()
    for inputs, targets in train_dataloader:
        with accelerator.accumulate(model):
            outputs = model(inputs)
            loss = loss_function(outputs, targets)
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    model.eval()
    right = 0
    for inputs, targets in eval_dataloader:
        with torch.no_grad():
            outputs = model(inputs)
        predictions, references = accelerator.gather_for_metrics((outputs.argmax(-1), targets))
        right += (predictions == references).sum().item()
    accelerator.print(f"epoch {epoch}: loss {loss.item()} accuracy {right / len(eval_dataloader.dataset)}")
