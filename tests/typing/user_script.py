"""What a user may write; type checkers must find nothing wrong with it. `test_typing.py` also runs it."""

from __future__ import annotations

import numpy as np

import tapeless as torch
import tapeless.nn.functional as F
from tapeless import Tensor, nn
from tapeless.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def accuracy(logits: Tensor, target: Tensor) -> float:
    return (logits.argmax(1) == target).float().mean().item()


def train(steps: int = 3) -> Tensor:
    torch.manual_seed(0)
    x: Tensor = torch.randn(12, 4)
    y: Tensor = torch.arange(12) % 3
    loader = DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loss = torch.zeros(())
    for _ in range(steps):
        for inputs, target in loader:
            loss = F.cross_entropy(model(inputs), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        accuracy(model(x), y)
    return loss


def algebra() -> list[int]:
    a = torch.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    value: Tensor = torch.linalg.det(a) + torch.linalg.inv(a).sum() + a.exp().log().norm()
    value.backward()
    assert a.grad is not None
    gradient: Tensor = a.grad
    whole = torch.cat([gradient, gradient.T], dim=0).reshape(2, -1)
    spectrum = torch.fft.fft(whole.detach())
    masked = torch.where(whole > 0, whole, torch.zeros_like(whole))
    values, places = masked.sort(dim=1, descending=True)
    picked = values.gather(1, places) * 2 + 1 - whole[:, None, :].squeeze(1) / 3
    array: np.ndarray = np.asarray(spectrum.abs().numpy())
    return [*picked.shape, array.ndim, int(picked.sum().item() > -1e9)]


if __name__ == "__main__":
    print(train().item(), algebra())
