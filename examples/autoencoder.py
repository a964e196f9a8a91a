"""Digits through the eye of a needle: an autoencoder whose code has two numbers, so that it can be drawn as a map.

The encoder makes two numbers of an image of 64 pixels, the decoder the image of the two numbers; the labels are not
used. Digits of one kind come to lie together all the same. The best that a linear map can do with two numbers are
the two first principal components, so that is what the error is compared with::

    python examples/autoencoder.py

Goal: error over that of two principal components <= 0.6 in a full run, <= 0.95 with --quick.

Hinton and Salakhutdinov: Reducing the dimensionality of data with neural networks (2006).
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split
from tapeless.utils.data import DataLoader


class Autoencoder(nn.Module):
    """Three layers down to the code and three up again."""

    def __init__(self, code: int = 2) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, code), nn.Tanh()
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 64), nn.Tanh(), nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 64), nn.Sigmoid()
        )

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """Images (n, 64) to what is left of them, (n, 64)."""
        return self.decoder(self.encoder(x))


def error_of_components(train: tl.Tensor, test: tl.Tensor, components: int = 2) -> float:
    """Mean squared error of images restored from as many principal components of the training images."""
    mean = train.mean(0)
    _, _, directions = tl.linalg.svd(train - mean, full_matrices=False)
    basis = directions[:components]
    restored = (test - mean) @ basis.T @ basis + mean
    return nn.functional.mse_loss(restored, test).item()


def train(model: Autoencoder, images: tl.Tensor, epochs: int) -> None:
    loader = DataLoader(images, batch_size=64, shuffle=True)
    optimizer = tl.optim.Adam(model.parameters(), lr=0.003)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    progress = tqdm(range(epochs), unit="epoch")
    for _ in progress:
        for x in loader:
            loss = nn.functional.mse_loss(model(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        progress.set_postfix_str(f"error {loss.item():.4f}", refresh=False)


def draw(plt: Any, codes: tl.Tensor, labels: tl.Tensor, sheet: tl.Tensor) -> Any:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 5))
    points = left.scatter(codes[:, 0].numpy(), codes[:, 1].numpy(), c=labels.numpy(), s=9, cmap="tab10")
    left.legend(*points.legend_elements(), title="digit", bbox_to_anchor=(1, 1), loc="upper left")
    left.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal", title="Codes of the images of the test set")
    right.imshow(sheet.numpy(), extent=(-1, 1, -1, 1))
    right.set(title="What the decoder makes of each code")
    return figure


def main() -> None:
    options = parse(__doc__, {"epochs": 15}, epochs=(150, "passes over the training images"))
    tl.manual_seed(options.seed)
    x_train, x_test, _, y_test = train_test_split(*digits())
    model = Autoencoder()
    train(model, x_train, options.epochs)

    with tl.no_grad():
        axis = tl.linspace(-0.95, 0.95, 15)
        rows, columns = tl.meshgrid(axis.flip(0), axis, indexing="ij")
        images = model.decoder(tl.stack([columns, rows], -1).view(-1, 2)).view(15, 15, 8, 8)
        sheet = images.transpose(1, 2).reshape(120, 120)  # rows of tiles into rows of pixels
        save_picture("autoencoder", draw, model.encoder(x_test), y_test, sheet)
        error = nn.functional.mse_loss(model(x_test), x_test).item()
    linear = error_of_components(x_train, x_test)
    print(f"mean squared error {error:.4f}, of two principal components {linear:.4f}")
    finish("error over that of two principal components", error / linear)


if __name__ == "__main__":
    main()
