"""Why does a network take an image for a three? Four methods of `tapeless.attribution`, and which to believe.

The network is a small convolutional one, the images are real digits. A method gives every pixel a number: how much it
speaks for the digit that the network sees. Saliency and SmoothGrad ask how steeply the score rises with the pixel,
integrated gradients and occlusion what it adds to the score compared with blank paper. Then pixels are erased one by
one, those first that a method calls most important: the sooner the network's belief in its digit falls, the better the
method knew. The mean belief on the way, from the whole image to blank paper, is the deletion score; random order and
"most ink first" are there to compare with. The picture shows what the methods say, and how the belief falls::

    python examples/explain.py

Goal: deletion score of integrated gradients <= 0.1 in a full run, <= 0.12 with --quick.

Petsiuk, Das, Saenko: RISE: Randomized Input Sampling for Explanation of Black-box Models (2018), arXiv:1806.07421,
has the score; each method's docstring names its paper.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture

import tapeless as tl
from tapeless import nn
from tapeless.attribution import integrated_gradients, occlusion, saliency, smoothgrad
from tapeless.datasets import digits, train_test_split
from tapeless.training import evaluate, fit


@tl.no_grad()
def deletion_curve(model: nn.Module, images: tl.Tensor, target: tl.Tensor, importance: tl.Tensor) -> tl.Tensor:
    """Mean probability of `target` after 0, 1, ... 64 pixels are erased, the most important first: (65,)."""
    rank = importance.flatten(1).argsort(dim=1, descending=True).argsort(dim=1).view(images.shape)
    rows = range(len(images))
    erased = (tl.where(rank < count, 0.0, images) for count in range(65))
    return tl.stack([model(image).softmax(1)[rows, target].mean() for image in erased])


def draw(plt: Any, images: tl.Tensor, seen: tl.Tensor, maps: dict[str, tl.Tensor], curves: dict[str, tl.Tensor]) -> Any:
    figure = plt.figure(figsize=(11, 5))
    left, right = figure.subfigures(1, 2, width_ratios=[1.15, 1])
    panels = left.subplots(5, 5)
    for row, digit in enumerate([2, 3, 5, 6, 8]):
        i = int((seen == digit).nonzero()[0])
        panels[row, 0].imshow(images[i, 0].numpy())
        panels[row, 0].set_ylabel(f"a {digit}", rotation=0, labelpad=12, va="center")
        for column, name in enumerate(maps, start=1):
            values = maps[name][i, 0].numpy()
            top = abs(values).max()
            panels[row, column].imshow(values, cmap="RdBu_r", vmin=-top, vmax=top)
            panels[0, column].set_title(name.replace(" ", "\n"))
    panels[0, 0].set_title("image")
    for panel in panels.flat:
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    left.suptitle("Red speaks for the digit, blue against it", fontsize="medium")
    axes = right.subplots()
    for name, curve in curves.items():
        style = {} if name in maps else {"color": "gray", "linestyle": ":" if name == "random" else "--"}
        axes.plot(curve.numpy(), label=f"{name}: {curve.mean().item():.3f}", **style)
    axes.set(xlabel="pixels erased", ylabel="probability of the digit", title="Most important pixels first")
    axes.legend(title="mean on the way")
    return figure


def main() -> None:
    options = parse(
        __doc__,
        {"epochs": 3, "images": 100},
        epochs=(15, "passes over the training images"),
        images=(360, "of the test set, to be explained"),
    )
    tl.manual_seed(options.seed)
    x_train, x_test, y_train, y_test = train_test_split(*digits(images=True))
    first, second = nn.Conv2d(1, 16, kernel_size=3, padding=1), nn.Conv2d(16, 32, kernel_size=3, padding=1)
    model = nn.Sequential(
        first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 4 * 4, 10)
    )
    optimizer = tl.optim.Adam(model.parameters(), lr=0.005)
    loss = nn.CrossEntropyLoss()
    fit(model, (x_train, y_train), loss=loss, optimizer=optimizer, epochs=options.epochs, batch_size=64)
    print(f"test accuracy: {evaluate(model, (x_test, y_test))['accuracy']:.4f}")

    model.eval()  # without dropout: the network as it is used
    images = x_test[: options.images]
    with tl.no_grad():
        seen = model(images).argmax(dim=1)  # right or wrong, this is what is to be explained
    by_path, delta = integrated_gradients(model, images, seen, return_convergence_delta=True)
    maps = {
        "saliency": saliency(model, images, seen),
        "SmoothGrad": smoothgrad(model, images, seen),
        "integrated gradients": by_path,
        "occlusion": occlusion(model, images, seen, window=(2, 2)),
    }
    with tl.no_grad():
        scores = [model(x)[range(len(seen)), seen] for x in (images, tl.zeros_like(images))]
    print(
        f"completeness: the integrated gradients of an image sum up to {by_path.flatten(1).sum(1).mean().item():.4f},"
    )
    print(f"its score is {(scores[0] - scores[1]).mean().item():.4f} above that of blank paper (means of all images);")
    print(f"largest difference in one image: {delta.abs().max().item():.4f}")

    orders = maps | {"most ink": images, "random": tl.rand(images.shape)}
    curves = {name: deletion_curve(model, images, seen, order) for name, order in orders.items()}
    for name, curve in curves.items():
        print(f"deletion score, {name}: {curve.mean().item():.4f}")
    save_picture("explain", draw, images, seen, maps, curves)
    finish("deletion score of integrated gradients", curves["integrated gradients"].mean().item())


if __name__ == "__main__":
    main()
