"""Representations without labels: a network that learns which two distorted copies came from the same image.

SimCLR: each image of a batch is distorted twice at random (turned, stretched, moved, more or less ink), and the network
is to find for each copy the other one among all copies of the batch. No label is used. What it has learned is measured
by a linear probe: a linear classifier that gets very few labels, for the representations, for those of the same network
untrained, and for the pixels themselves. From one labelled image of each digit, ten in all, the probe reads 65 % of
the test images off the pixels, and 88 % off the representations. The picture shows what the network was given, where
it puts the ten digits, and what more labels bring::

    python examples/contrastive.py

Goal: accuracy with one label for each digit >= 0.85 in a full run, >= 0.7 with --quick.

Chen, Kornblith, Norouzi, Hinton: A Simple Framework for Contrastive Learning of Visual Representations (2020),
arXiv:2002.05709.
"""

from __future__ import annotations

import math
from typing import Any

from _common import finish, parse, save_picture
from tqdm import trange

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split
from tapeless.nn import functional as F

TEMPERATURE = 0.5
LABELS = [1, 2, 5, 10, 20]  # of each digit


def distort(images: tl.Tensor) -> tl.Tensor:
    """Turn, shear, stretch and move each image (n, 1, 8, 8) at random; change its ink, and add noise."""

    def around(center: float, width: float, *shape: int) -> tl.Tensor:
        return center + width * (2 * tl.rand(len(images), *shape) - 1)

    angle, shear = around(0, math.radians(16)), around(0, 0.24)
    turn = tl.stack([angle.cos(), shear - angle.sin(), angle.sin(), angle.cos()], dim=1).view(-1, 2, 2)
    places = tl.cat([turn * around(1, 0.2, 2, 1), around(0, 0.24, 2, 1)], dim=2)
    grid = F.affine_grid(places, images.shape, align_corners=False)
    moved = F.grid_sample(images, grid, align_corners=False)
    return (moved * around(1, 0.4, 1, 1, 1) + 0.1 * tl.randn_like(moved)).clamp(0, 1)


def nt_xent(first: tl.Tensor, second: tl.Tensor) -> tl.Tensor:
    """Cross-entropy of finding each code's partner among the 2n - 1 others by cosine similarity; both are (n, dims)."""
    n = len(first)
    codes = F.normalize(tl.cat([first, second]), dim=1)
    similarity = (codes @ codes.T / TEMPERATURE).masked_fill(tl.eye(2 * n, dtype=tl.bool), -math.inf)  # not itself
    return F.cross_entropy(similarity, target=tl.arange(2 * n).roll(n))


def make_encoder() -> nn.Sequential:
    """Images (n, 1, 8, 8) to representations (n, 256)."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 2 * 2, 256), nn.BatchNorm1d(256), nn.ReLU())


def probe(x: tl.Tensor, y: tl.Tensor, x_test: tl.Tensor, y_test: tl.Tensor) -> float:
    """Fit a linear classifier to a few labelled vectors; return its accuracy on the test set."""
    linear = nn.Linear(x.shape[1], 10)
    optimizer = tl.optim.LBFGS(linear.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> tl.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(linear(x), y) + 1e-3 * linear.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return (linear(x_test).argmax(dim=1) == y_test).float().mean().item()


def probes(x: tl.Tensor, y: tl.Tensor, x_test: tl.Tensor, y_test: tl.Tensor, draws: int) -> tl.Tensor:
    """Accuracies (labels, draws): from each number of labels, on each of several draws of the images that have them."""
    center = x.mean(0)
    scale = (x - center).square().mean().sqrt()  # one for all, so the same penalty means the same
    x, x_test = (x - center) / scale, (x_test - center) / scale
    accuracies = tl.zeros(len(LABELS), draws)
    for draw in range(draws):
        order = tl.randperm(len(x), generator=tl.Generator().manual_seed(draw))  # the same for all representations
        by_digit = [order[y[order] == digit] for digit in range(10)]
        for i, count in enumerate(LABELS):
            chosen = tl.cat([images[:count] for images in by_digit])
            accuracies[i, draw] = probe(x[chosen], y[chosen], x_test, y_test)
    return accuracies


def draw(plt: Any, copies: tl.Tensor, spaces: dict[str, tl.Tensor], y: tl.Tensor, found: dict[str, tl.Tensor]) -> Any:
    figure = plt.figure(figsize=(12, 3.8))
    left, middle, right = figure.subfigures(1, 3, width_ratios=[0.9, 1.7, 1.2])
    panels = left.subplots(5, 3)
    for panel, image in zip(panels.flat, copies):
        panel.imshow(image[0].numpy(), vmin=0, vmax=1)
        panel.axis("off")
    for panel, title in zip(panels[0], ["image", "copy", "other copy"]):
        panel.set_title(title)
    for axes, (name, vectors) in zip(middle.subplots(1, 2), spaces.items()):
        centered = vectors - vectors.mean(0)
        plane = centered @ tl.linalg.svd(centered, full_matrices=False)[2][:2].T  # the two principal components
        axes.scatter(*plane.T.numpy(), c=y.numpy(), cmap="tab10", s=5)
        for digit in range(10):
            x, z = plane[y == digit].median(dim=0).values.tolist()
            axes.text(x, z, digit, ha="center", va="center", bbox={"boxstyle": "circle", "fc": "white", "alpha": 0.8})
        axes.set(xticks=[], yticks=[], title=f"{name}, two principal components")
        axes.spines[:].set_visible(False)
    axes = right.subplots()
    for name, accuracies in found.items():
        axes.errorbar(LABELS, accuracies.mean(1).numpy(), accuracies.std(1).numpy(), label=name, capsize=2, marker="o")
    axes.set(xscale="log", xlabel="labels for each digit", ylabel="test accuracy", title="Linear probe")
    axes.set_xticks(LABELS, labels=LABELS)
    axes.minorticks_off()
    axes.legend(loc="lower right")
    return figure


def main() -> None:
    draws = (20, "of labelled images, which the accuracy is the mean of")
    options = parse(__doc__, {"epochs": 6, "draws": 5}, epochs=(60, "passes over the training images"), draws=draws)
    tl.manual_seed(options.seed)
    x, x_test, y, y_test = train_test_split(*digits(images=True))
    encoder, head = make_encoder(), nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 32))
    optimizer = tl.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.002)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.epochs)

    @tl.no_grad()
    def represent(images: tl.Tensor) -> tl.Tensor:
        encoder.eval()
        return encoder(images)

    spaces = {"pixels": (x.flatten(1), x_test.flatten(1)), "untrained": (represent(x), represent(x_test))}
    encoder.train()
    for _ in (bar := trange(options.epochs, unit="epoch")):
        for batch in x[tl.randperm(len(x))].split(256)[:-1]:  # the last is smaller, which is easier
            loss = nt_xent(head(encoder(distort(batch))), head(encoder(distort(batch))))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")
    spaces["contrastive"] = represent(x), represent(x_test)

    found = {name: probes(space[0], y, space[1], y_test, options.draws) for name, space in spaces.items()}
    print("test accuracy of a linear probe, from labels of each digit:", *(f"{count:5}" for count in LABELS))
    for name, accuracies in found.items():
        print(f"{name:>58}:", *(f"{mean:.3f}" for mean in accuracies.mean(1).tolist()))
    copies = tl.stack([x[:5], distort(x[:5]), distort(x[:5])], dim=1).flatten(0, 1)
    shown = {name: spaces[name][1] for name in ("pixels", "contrastive")}
    save_picture("contrastive", draw, copies, shown, y_test, found)
    finish("accuracy with one label for each digit", found["contrastive"][0].mean().item())


if __name__ == "__main__":
    main()
