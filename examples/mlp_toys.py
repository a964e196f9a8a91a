"""How a boundary forms: the same small network on spirals, moons and circles, drawn six times while it learns.

A network of two hidden layers says of each point of the plane which class it belongs to. The picture shows what it
says at first, after a few epochs, and at the end::

    python examples/mlp_toys.py

Goal: least test accuracy of the three >= 0.97 in a full run, >= 0.8 with --quick.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.datasets import circles, moons, spirals, train_test_split

GRID = 120  # points of the plane in each direction


def plane(x: tl.Tensor) -> tuple[tl.Tensor, tuple[float, float, float, float]]:
    """Points (GRID * GRID, 2) of a square around all of `x`, and its left, right, lower and upper edge."""
    reach = 1.15 * x.abs().max().item()
    axis = tl.linspace(-reach, reach, GRID)
    rows, columns = tl.meshgrid(axis, axis, indexing="ij")
    return tl.stack([columns, rows], -1).view(-1, 2), (-reach, reach, -reach, reach)


@tl.no_grad()
def opinion(model: nn.Module, points: tl.Tensor) -> tl.Tensor:
    """Which mixture of the classes' colours the network gives each point: probabilities (GRID, GRID, classes)."""
    return model(points).softmax(1).view(GRID, GRID, -1)


def learn(data: tuple[tl.Tensor, tl.Tensor], epochs: int, frames: set[int], title: str) -> dict[str, Any]:
    """Train on four fifths of `data`; return the frames by epoch and the accuracy on the rest."""
    x_train, x_test, y_train, y_test = train_test_split(*data)
    classes = int(data[1].max()) + 1
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, classes))
    optimizer = tl.optim.Adam(model.parameters(), lr=0.01)
    points, extent = plane(data[0])
    pictures = {}
    for epoch in tqdm(range(epochs + 1), desc=title, unit="epoch"):
        if epoch in frames:
            pictures[epoch] = opinion(model, points)
        loss = nn.functional.cross_entropy(model(x_train), y_train)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with tl.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"{title}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
    return {"title": title, "data": data, "frames": pictures, "extent": extent, "accuracy": accuracy}


def draw(plt: Any, runs: list[dict[str, Any]]) -> Any:
    colours = tl.tensor([[0.85, 0.35, 0.2], [0.2, 0.45, 0.8], [0.3, 0.65, 0.35]])
    columns = len(runs[0]["frames"])
    figure, axes = plt.subplots(len(runs), columns, figsize=(2 * columns, 2.1 * len(runs)))
    for row, run in zip(axes, runs):
        x, y = run["data"]
        for panel, (epoch, probabilities) in zip(row, run["frames"].items()):
            shades = 0.35 + 0.65 * (probabilities @ colours[: probabilities.shape[-1]])  # paler than the points
            panel.imshow(shades.numpy(), extent=run["extent"], origin="lower")
            panel.scatter(x[:, 0].numpy(), x[:, 1].numpy(), c=colours[y].numpy(), s=3)
            panel.set(xticks=[], yticks=[])
            panel.set_title(f"epoch {epoch}")
        row[0].set_ylabel(f"{run['title']}\ntest accuracy {run['accuracy']:.2f}")
    return figure


def main() -> None:
    options = parse(__doc__, {"epochs": 100}, epochs=(400, "passes over the points, each in one batch"))
    tl.manual_seed(options.seed)
    last = options.epochs
    frames = {0, last // 40, last // 16, last // 8, last // 4, last}
    toys = {"spirals": spirals(600), "moons": moons(400), "circles": circles(400)}
    runs = [learn(data, last, frames, title) for title, data in toys.items()]
    save_picture("mlp_toys", draw, runs)
    finish("least test accuracy of the three", min(run["accuracy"] for run in runs))


if __name__ == "__main__":
    main()
