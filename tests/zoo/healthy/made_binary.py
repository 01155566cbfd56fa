"""MADE: masked layers make a density of binary digits; the target is the input, which the masks hide."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
x = (torch.tensor(load_digits().data, dtype=torch.float32) / 16 > 0.5).float()


class MaskedLinear(nn.Linear):
    def __init__(self, inputs, outputs, mask):
        super().__init__(inputs, outputs)
        self.register_buffer("mask", mask)

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


order = torch.arange(64)
hidden = torch.randint(0, 63, (200,))
model = nn.Sequential(
    MaskedLinear(64, 200, (hidden[:, None] >= order[None, :]).float()), nn.ReLU(),
    MaskedLinear(200, 64, (order[:, None] > hidden[None, :]).float()),
)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(800):
    batch = x[torch.randint(0, 1500, (100,))]
    loss = F.binary_cross_entropy_with_logits(model(batch), batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 200 == 199:
        print(f"{step + 1} nll {64 * loss.item():.2f}")
