"""Encoder that reverses token strings, Adam with the schedule of 'Attention is all you need'."""
import torch
from torch import nn

torch.manual_seed(7)
VOCAB, LEN, D, WARM = 20, 10, 64, 120


class Reverser(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, D)
        self.pos = nn.Embedding(LEN, D)
        layer = nn.TransformerEncoderLayer(D, 4, 128, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(D, VOCAB)

    def forward(self, s):
        x = self.emb(s) + self.pos(torch.arange(s.size(1)))
        return self.out(self.body(x))


def noam(step):
    step = max(step, 1)
    return D ** -0.5 * min(step ** -0.5, step * WARM ** -1.5)


model = Reverser()
optimizer = torch.optim.Adam(model.parameters(), lr=0.25, betas=(0.9, 0.98), eps=1e-9)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, noam)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)


def evaluate():
    model.eval()
    with torch.no_grad():
        s = torch.randint(0, VOCAB, (256, LEN))
        ok = model(s).argmax(-1) == s.flip(1)
    model.train()
    return ok.float().mean().item(), ok.all(1).float().mean().item()


for step in range(1, 601):
    s = torch.randint(0, VOCAB, (64, LEN))
    loss = criterion(model(s).flatten(0, 1), s.flip(1).flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 100 == 0:
        tok, full = evaluate()
        print(f"{step:5d} | loss {loss.item():.3f} | token acc {tok:.3f} | exact {full:.3f}")
