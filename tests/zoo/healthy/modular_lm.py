"""Decoder that writes a + b mod 23 after the prompt 'a b =': loss on the answer position only, micro-batches accumulated."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
P, D, ACC = 23, 64, 2
pairs = torch.cartesian_prod(torch.arange(P), torch.arange(P))
seq = torch.cat([pairs, torch.full((len(pairs), 1), P)], 1)
ans = pairs.sum(1) % P


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(P + 1, D), nn.Embedding(3, D)
        self.l = nn.TransformerEncoderLayer(D, 4, 128, dropout=0.0, batch_first=True, norm_first=True, activation="gelu")
        self.n, self.o = nn.LayerNorm(D), nn.Linear(D, P)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(3))

    def forward(self, s):
        h = self.l(self.tok(s) + self.pos.weight, src_mask=self.mask)
        return self.o(self.n(h[:, -1]))


net = Decoder()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
warm = torch.optim.lr_scheduler.LinearLR(opt, 0.1, 1.0, 30)
for it in range(1, 401):
    opt.zero_grad()
    tot = 0.0
    for _ in range(ACC):
        ix = torch.randint(0, len(seq), (64,))
        loss = F.cross_entropy(net(seq[ix]), ans[ix]) / ACC
        loss.backward()
        tot += loss.item()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    warm.step()
    if it % 80 == 0:
        with torch.no_grad():
            acc = (net(seq).argmax(1) == ans).float().mean()
        print(f"{it:4d}  loss {tot:.4f}  table filled correctly {acc:.3f}")
