"""A variational autoencoder of real handwritten digits, which then draws some of its own.

The encoder says of an image where its code of a few numbers lies, as a normal distribution; the decoder makes an image
of a draw from it. What is minimized, the negative evidence lower bound, is the sum of two: how badly the
image is restored, and how far codes are from the standard normal distribution that new ones are drawn from::

    python examples/vae.py
    python examples/vae.py --epochs 200 --latent 16

Goal: negative evidence lower bound <= 25 in a full run, <= 26 with --quick.

Kingma and Welling: Auto-Encoding Variational Bayes (2013), arXiv:1312.6114.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split
from tapeless.nn import functional as F
from tapeless.utils.data import DataLoader


class VAE(nn.Module):
    """An encoder and a decoder of one hidden layer each."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())

    def forward(self, x: tl.Tensor) -> tuple[tl.Tensor, tl.Tensor, tl.Tensor]:
        """Images (n, 64) to images restored from a code, and the code's mean and log variance, (n, latent)."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        # The noise comes from outside, so gradients flow through mean and variance: the reparameterization trick.
        code = mean + (0.5 * log_variance).exp() * tl.randn_like(mean)
        return self.decoder(code), mean, log_variance


def negative_elbo(model: VAE, x: tl.Tensor) -> tl.Tensor:
    """Cross entropy of the pixels plus KL divergence of the codes from the standard normal distribution, per image."""
    restored, mean, log_variance = model(x)
    cross_entropy = F.binary_cross_entropy(restored, x, reduction="sum")
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
    return (cross_entropy + divergence) / len(x)


def train(model: VAE, images: tl.Tensor, epochs: int, rate: float) -> list[float]:
    """Train with a rate that falls to zero; return the mean loss of each epoch."""
    loader = DataLoader(images, batch_size=64, shuffle=True)
    optimizer = tl.optim.Adam(model.parameters(), lr=rate)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    losses = []
    progress = tqdm(range(epochs), unit="epoch")
    for _ in progress:
        total = 0.0
        for x in loader:
            optimizer.zero_grad()
            loss = negative_elbo(model, x)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        scheduler.step()
        losses.append(total / len(images))
        progress.set_postfix_str(f"loss {losses[-1]:.2f}", refresh=False)
    return losses


def between(model: VAE, first: tl.Tensor, last: tl.Tensor, steps: int) -> tl.Tensor:
    """Decode the codes on the straight line from one image's mean to another's: (steps, 64)."""
    ends = model(tl.stack([first, last]))[1]
    share = tl.linspace(0, 1, steps).unsqueeze(1)
    return model.decoder((1 - share) * ends[0] + share * ends[1])


def draw(plt: Any, rows: dict[str, tl.Tensor]) -> Any:
    columns = max(map(len, rows.values()))
    figure, axes = plt.subplots(len(rows), columns, figsize=(0.8 * columns + 1, 1.05 * len(rows)))
    for line, (title, images) in zip(axes, rows.items()):
        for panel, image in zip(line, images):
            panel.imshow(image.reshape(8, 8).numpy(), vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
        line[0].set_ylabel(title, rotation=0, ha="right", va="center")
    return figure


def main() -> None:
    options = parse(
        __doc__,
        {"epochs": 10},
        epochs=(60, "passes over the training images"),
        lr=(0.01, "learning rate at the start"),
        latent=(8, "numbers in the code of an image"),
    )
    tl.manual_seed(options.seed)
    x_train, x_test, _, _ = train_test_split(*digits())
    model = VAE(options.latent)
    train(model, x_train, options.epochs, options.lr)
    with tl.no_grad():
        rows = {
            "images of the test set": x_test[:12],
            "restored from their codes": model(x_test[:12])[0],
            "from random codes": model.decoder(tl.randn(12, options.latent)),
            "more": model.decoder(tl.randn(12, options.latent)),
            "from one code to another": between(model, x_test[0], x_test[4], 12),
        }
        save_picture("vae", draw, rows)
        finish("negative evidence lower bound", negative_elbo(model, x_test).item())


if __name__ == "__main__":
    main()
