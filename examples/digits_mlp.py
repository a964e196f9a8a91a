"""Real handwritten digits: a perceptron with one hidden layer, trained by `training.fit`, and what it gets wrong.

1,797 images of 8x8 pixels ship with Tapeless; a fifth of them is kept for the test. The picture shows which digits
are taken for which, the images that were, and what the hidden units look for::

    python examples/digits_mlp.py

Goal: test accuracy >= 0.97 in a full run, >= 0.93 with --quick.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split
from tapeless.training import evaluate, fit


def confusion_matrix(true: tl.Tensor, predicted: tl.Tensor) -> tl.Tensor:
    """Count (10, 10): rows are the digits, columns what they were taken for."""
    return tl.bincount(10 * true + predicted, minlength=100).view(10, 10)


def draw(plt: Any, confusion: tl.Tensor, mistakes: list[tuple[Any, int, int]], filters: tl.Tensor) -> Any:
    figure = plt.figure(figsize=(10, 4.2))
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.1])
    axes = left.subplots()
    axes.imshow(confusion.float().sqrt().numpy(), cmap="Blues")  # the root, so that single mistakes can be seen
    for row in range(10):
        for column in range(10):
            if count := int(confusion[row, column]):
                axes.text(column, row, count, ha="center", va="center", color="white" if row == column else "black")
    axes.set(xticks=range(10), yticks=range(10), xlabel="taken for", ylabel="digit", title="Confusion matrix")

    top, bottom = right.subfigures(2, 1, height_ratios=[1, 2])
    top.suptitle("Mistakes: digit → taken for", fontsize="medium")
    for axes, mistake in zip(top.subplots(1, 6), mistakes + [None] * 6):
        axes.axis("off")
        if mistake:
            axes.imshow(mistake[0].reshape(8, 8).numpy())
            axes.set_title(f"{mistake[1]} → {mistake[2]}")
    bottom.suptitle("What the first 24 hidden units look for", fontsize="medium")
    for axes, weights in zip(bottom.subplots(3, 8).flat, filters):
        axes.imshow(weights.reshape(8, 8).numpy(), cmap="RdBu_r", vmin=-0.5, vmax=0.5)
        axes.axis("off")
    return figure


def main() -> None:
    options = parse(__doc__, {"epochs": 5}, epochs=(25, "passes over the training images"))
    tl.manual_seed(options.seed)
    x_train, x_test, y_train, y_test = train_test_split(*digits())
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    history = fit(
        model,
        (x_train, y_train),
        loss=nn.CrossEntropyLoss(),
        optimizer=tl.optim.Adam(model.parameters(), lr=0.005),
        epochs=options.epochs,
        metrics="accuracy",
    )
    print(history.chart(ascii=True))

    with tl.no_grad():
        predicted = model(x_test).argmax(dim=1)
    confusion = confusion_matrix(y_test, predicted)
    print("rows: the digit, columns: what the network says")
    for digit, row in enumerate(confusion.tolist()):
        print(f"{digit:3}: " + " ".join(f"{count:3}" if count else "  ." for count in row))

    wrong = (predicted != y_test).nonzero().flatten().tolist()
    mistakes = [(x_test[i], int(y_test[i]), int(predicted[i])) for i in wrong]
    save_picture("digits_mlp", draw, confusion, mistakes, model[0].weight.detach()[:24])
    finish("test accuracy", evaluate(model, (x_test, y_test))["accuracy"])


if __name__ == "__main__":
    main()
