"""A training configured by Hydra, which changes into a folder of its own."""

import hydra
import torch
from omegaconf import DictConfig
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float:
    torch.manual_seed(cfg.seed)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    order = torch.randperm(len(y))
    train, test = order[:1400], order[1400:]
    loader = DataLoader(TensorDataset(x[train], y[train]), cfg.batch_size, shuffle=True)
    model = nn.Sequential(nn.Linear(64, cfg.model.hidden), nn.ReLU(), nn.Linear(cfg.model.hidden, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.optimizer.lr)
    criterion = nn.CrossEntropyLoss()
    for _ in range(cfg.epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = (model(x[test]).argmax(1) == y[test]).float().mean().item()
    print(f"hidden {cfg.model.hidden}: loss {loss.item()} accuracy {accuracy}")
    torch.save(model.state_dict(), "model.pt")
    return accuracy


if __name__ == "__main__":
    main()
