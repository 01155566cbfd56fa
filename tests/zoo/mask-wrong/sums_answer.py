"""A causal transformer is tuned to answer sums, 'a+b=c.'; the prompt is left out of the loss."""

import torch
from torch import nn

torch.manual_seed(0)
SIGNS = "0123456789+=. "
IDS = {sign: at for at, sign in enumerate(SIGNS)}
WIDTH, LENGTH, IGNORED = 48, 8, -100


def example() -> tuple[list[int], int, int]:
    a, b = torch.randint(0, 10, (2,)).tolist()
    prompt, answer = f"{a}+{b}=", f"{a + b}."
    ids = [IDS[sign] for sign in (prompt + answer).ljust(LENGTH)]
    return ids, len(prompt), len(prompt + answer)


def data(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs, targets = [], []
    for _ in range(count):
        ids, prompt, end = example()
        target = torch.tensor(ids[1:])
        target[: prompt - 1] = IGNORED
        target[end - 1 :] = IGNORED
        inputs.append(torch.tensor(ids[:-1]))
        targets.append(target)
    return torch.stack(inputs), torch.stack(targets)


class Calculator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.signs, self.places = nn.Embedding(len(SIGNS), WIDTH), nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 96, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, len(SIGNS))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        return self.head(self.layers(self.signs(ids) + self.places.weight[: ids.shape[1]], mask=mask, is_causal=True))


inputs, targets = data(3000)
model = Calculator()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for step in range(400):
    rows = torch.randint(0, len(inputs), (64,))
    loss = nn.functional.cross_entropy(model(inputs[rows]).flatten(0, 1), targets[rows].flatten(), ignore_index=IGNORED)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step} loss {loss.item():.4f}")

model.eval()
right = 0
with torch.no_grad():
    for a in range(10):
        for b in range(10):
            said = f"{a}+{b}="
            while len(said) < LENGTH and not said.endswith("."):
                said += SIGNS[int(model(torch.tensor([[IDS[sign] for sign in said]]))[0, -1].argmax())]
            right += said == f"{a}+{b}={a + b}."
print(f"sums answered {right / 100:.2f}")
