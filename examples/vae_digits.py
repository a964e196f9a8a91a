"""A variational autoencoder of real handwritten digits, which then draws some of its own.

The encoder says of an image where its code of a few numbers lies, as a normal distribution; the decoder makes an image
of a draw from it. What is minimized, the negative evidence lower bound, is the sum of two: how badly the
image is restored, and how far codes are from the standard normal distribution that new ones are drawn from::

    python examples/vae_digits.py
    python examples/vae_digits.py --epochs 200 --latent 16 --samples 10

Kingma and Welling: Auto-Encoding Variational Bayes (2013), arXiv:1312.6114.
"""

from __future__ import annotations

import argparse

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split
from tapeless.nn import functional as F
from tapeless.utils.data import DataLoader

SHADES = " .:-=+*#%@"  # from no ink to most


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


def draw(images: tl.Tensor) -> str:
    """Images (n, 64) beside each other, two characters a pixel."""
    rows = (images * (len(SHADES) - 1)).round().int().view(-1, 8, 8).transpose(0, 1).tolist()
    return "\n".join("  ".join("".join(SHADES[ink] * 2 for ink in line) for line in row).rstrip() for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60, help="passes over the training images (default: 60)")
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate at the start (default: 0.01)")
    parser.add_argument("--latent", type=int, default=8, help="numbers in the code of an image (default: 8)")
    parser.add_argument("--samples", type=int, default=6, help="how many images to draw (default: 6)")
    parser.add_argument("--quick", action="store_true", help="10 epochs, for tests")
    options = parser.parse_args()
    epochs = 10 if options.quick else options.epochs

    tl.manual_seed(0)
    x_train, x_test, _, _ = train_test_split(*digits())
    loader = DataLoader(x_train, batch_size=64, shuffle=True)
    model = VAE(options.latent)
    optimizer = tl.optim.Adam(model.parameters(), lr=options.lr)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    for epoch in range(1, epochs + 1):
        for x in loader:
            optimizer.zero_grad()
            loss = negative_elbo(model, x)
            loss.backward()
            optimizer.step()
        scheduler.step()
        if epoch % max(1, epochs // 10) == 0:
            with tl.no_grad():
                print(f"epoch {epoch:3}  test loss {negative_elbo(model, x_test).item():.4f}")

    with tl.no_grad():
        print("\nimages of the test set, and what becomes of them:")
        some = x_test[: options.samples]
        print(draw(some), draw(model(some)[0]), sep="\n\n")
        print("\nimages made of random codes:")
        print(draw(model.decoder(tl.randn(options.samples, options.latent))))
        print(f"\nloss: {negative_elbo(model, x_test).item():.4f}")


if __name__ == "__main__":
    main()
