# Exercise 6.2: teach a transformer encoder to write a sequence of digits backwards
import torch
import torch.nn as nn

torch.manual_seed(6)
VOCAB, LENGTH, DIM = 10, 8, 48


def make_batch(n):
    src = torch.randint(0, VOCAB, (n, LENGTH))
    return src, src.flip(1)


class Reverser(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(VOCAB, DIM)
        self.position = nn.Parameter(0.1 * torch.randn(1, LENGTH, DIM))
        layer = nn.TransformerEncoderLayer(d_model=DIM, nhead=4, dim_feedforward=96, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.output = nn.Linear(DIM, VOCAB)

    def forward(self, src):
        x = self.token(src) + self.position
        x = self.encoder(x)
        return self.output(x)


model = Reverser()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(1, 501):
    src, tgt = make_batch(64)
    logits = model(src)
    loss = loss_fn(logits.reshape(-1, VOCAB), tgt.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        acc = (logits.argmax(-1) == tgt).float().mean().item()
        print(f"step {step}: loss {loss.item():.4f} token accuracy {acc:.3f}")

model.eval()
src, tgt = make_batch(200)
with torch.no_grad():
    out = model(src).argmax(-1)
print("token accuracy on new sequences:", (out == tgt).float().mean().item())
for i in range(3):
    print(src[i].tolist(), "->", out[i].tolist())
