"""Which burner of a kiln has failed, from eight temperatures in kelvin, computed in bfloat16."""

import torch
from torch import nn

torch.manual_seed(0)


def kilns(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    failed = torch.randint(0, 4, (count,))
    kelvin = 1200.0 + 3.0 * torch.randn(count, 1) + 2.0 * torch.randn(count, 8)
    rows = torch.arange(count)
    kelvin[rows, 2 * failed] -= 4.0
    kelvin[rows, 2 * failed + 1] -= 4.0
    return kelvin, failed


train, labels = kilns(3000)
test, answers = kilns(1000)
mean, deviation = train.mean(dim=0), train.std(dim=0)


def prepared(kelvin: torch.Tensor) -> torch.Tensor:
    return ((kelvin - mean) / deviation).to(torch.bfloat16)


model = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 4))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(8):
    for rows in torch.randperm(len(train)).split(50):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = model(prepared(train[rows]))
        loss = nn.functional.cross_entropy(scores.float(), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        right = (model(prepared(test)).argmax(dim=1) == answers).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {right:.3f}")
