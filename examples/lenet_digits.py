"""LeNet-5, the first convolutional network in wide use, on real handwritten digits: a module and a loop of one's own.

The images that ship with Tapeless have 8x8 pixels instead of 32x32, so kernels are 3x3 instead of 5x5. After 8 epochs
the test accuracy is about 97 %, in a few seconds::

    python examples/lenet_digits.py
    python examples/lenet_digits.py --epochs 20

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998).
"""

from __future__ import annotations

import argparse

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split
from tapeless.utils.data import DataLoader, TensorDataset


class LeNet(nn.Module):
    """Twice convolution and pooling, then three linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 2 * 2, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """Images (n, 1, 8, 8) to ten scores each, (n, 10)."""
        x = self.pool(self.conv1(x).tanh())  # (n, 6, 4, 4)
        x = self.pool(self.conv2(x).tanh())  # (n, 16, 2, 2)
        x = self.fc1(x.flatten(1)).tanh()
        return self.fc3(self.fc2(x).tanh())


def train_epoch(model: LeNet, loader: DataLoader, optimizer: tl.optim.Optimizer) -> float:
    """One pass over the training images; returns the mean of the batches' losses."""
    loss_function = nn.CrossEntropyLoss()
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


@tl.no_grad()
def accuracy(model: LeNet, images: tl.Tensor, labels: tl.Tensor) -> float:
    """The share of images whose highest score is the one of their label."""
    model.eval()
    return (model(images).argmax(dim=1) == labels).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training images (default: 8)")
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate at the start (default: 0.01)")
    parser.add_argument("--batch-size", type=int, default=64, help="images in a batch (default: 64)")
    parser.add_argument("--quick", action="store_true", help="4 epochs, for tests")
    options = parser.parse_args()
    epochs = 4 if options.quick else options.epochs

    tl.manual_seed(0)
    x_train, x_test, y_train, y_test = train_test_split(*digits(images=True))
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=options.batch_size, shuffle=True)
    model = LeNet()
    optimizer = tl.optim.Adam(model.parameters(), lr=options.lr)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(1, epochs + 1):
        loss = train_epoch(model, loader, optimizer)
        scheduler.step()
        print(f"epoch {epoch:2}  loss {loss:.4f}  test accuracy {accuracy(model, x_test, y_test):.4f}")

    print(f"test accuracy: {accuracy(model, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
