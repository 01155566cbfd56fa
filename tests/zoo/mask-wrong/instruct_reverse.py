"""Instruction tuning in small: a prompt (task, digits, "="), then the answer; only the answer is learnt."""
import os

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", "0")))
PAD, EQ, END, REVERSE, SORT, VOCAB = 10, 11, 12, 13, 14, 15
LONGEST = 16


def batch(n):
    ids = torch.full((n, LONGEST), PAD)
    labels = torch.full((n, LONGEST), -100)
    for row in range(n):
        k = int(torch.randint(2, 7, ()))
        digits = torch.randint(0, 10, (k,))
        task = REVERSE if torch.rand(()) < 0.5 else SORT
        answer = digits.flip(0) if task == REVERSE else digits.sort().values
        text = torch.cat([torch.tensor([task]), digits, torch.tensor([EQ]), answer, torch.tensor([END])])
        ids[row, : len(text)] = text
        labels[row, : len(text)] = text
        labels[row, : k + 2] = -100  # the prompt is not learnt
    return ids, labels


class Decoder(nn.Module):
    def __init__(self, d=64):
        super().__init__()
        self.tok, self.pos = nn.Embedding(VOCAB, d), nn.Embedding(LONGEST, d)
        layer = nn.TransformerEncoderLayer(d, 4, 128, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(d), enable_nested_tensor=False)
        self.lm_head = nn.Linear(d, VOCAB)

    def forward(self, ids):
        t = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(t)
        x = self.tok(ids) + self.pos(torch.arange(t))
        return self.lm_head(self.body(x, mask=mask, is_causal=True))


model = Decoder()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
test_ids, test_labels = batch(400)
for step in range(1, 701):
    ids, labels = batch(64)
    logits = model(ids)
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, VOCAB), labels[:, 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 0:
        with torch.no_grad():
            guess = model(test_ids)[:, :-1].argmax(-1)
        asked = test_labels[:, 1:] != -100
        print(f"step {step} loss {loss.item():.3f} answers {(guess == test_labels[:, 1:])[asked].float().mean():.3f}")
