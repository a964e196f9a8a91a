"""One trunk, two heads: a network reads two digits that overlap, and its two tasks pull at the same weights.

Two images are laid over each other, one at the upper left, one at the lower right. One head says which digit is at the
upper left, the other which is at the lower right; all layers below are shared, and training follows the sum of the two
tasks' gradients. Do they agree? Every few steps their cosine is taken: 1 is the same direction, 0 is no relation, and
below 0 the tasks undo each other's work. To compare with, there is the cosine of one task's gradients for two halves of
a batch: more agreement than that cannot be expected. The tasks' cosine stays near 0: they find room beside each other,
and two networks that have a task each are better by less than 1 %. The picture shows canvases, the cosines in the
course of training, and those of each layer::

    python examples/multitask.py

Goal: accuracy of both heads >= 0.92 in a full run, >= 0.7 with --quick.

Caruana: Multitask Learning (1997). Sabour, Frosst and Hinton: Dynamic Routing Between Capsules (2017),
arXiv:1710.09829, has overlapping digits; Yu et al.: Gradient Surgery for Multi-Task Learning (2020), arXiv:2001.06782,
look at the cosine.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import trange

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split
from tapeless.nn import functional as F

SIZE = 10  # of the canvas: two images of 8x8 share 6x6 pixels
LAYERS = ["conv1", "conv2", "linear"]
Cosines = dict[str, list[float]]  # by layer, one of each time


def overlay(images: tl.Tensor, labels: tl.Tensor, count: int) -> tuple[tl.Tensor, tl.Tensor]:
    """Draw pairs of images: canvases (count, 1, 10, 10), and the digits upper left and lower right, (count, 2)."""
    pairs = tl.randint(len(images), (count, 2))
    canvas = tl.zeros(count, 1, SIZE, SIZE)
    canvas[:, :, :8, :8] = images[pairs[:, 0]]
    canvas[:, :, -8:, -8:] = tl.maximum(canvas[:, :, -8:, -8:], images[pairs[:, 1]])
    return canvas, labels[pairs]


class Reader(nn.Module):
    """A trunk of three layers, and a head for each task."""

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.linear = nn.Linear(32 * 5 * 5, 64)
        self.heads = nn.ModuleList(nn.Linear(64, 10) for _ in range(tasks))

    def forward(self, x: tl.Tensor) -> list[tl.Tensor]:
        """Canvases (n, 1, 10, 10) to ten scores for each task, (n, 10)."""
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        x = F.relu(self.linear(x.flatten(1)))
        return [head(x) for head in self.heads]


def losses_of(model: Reader, x: tl.Tensor, y: tl.Tensor) -> list[tl.Tensor]:
    """The loss of each task, for digits (n, tasks)."""
    return [F.cross_entropy(scores, digit) for scores, digit in zip(model(x), y.unbind(1))]


def note_cosines(model: Reader, first: tl.Tensor, second: tl.Tensor, notes: Cosines) -> None:
    """Note the cosine between the gradients of two losses, for each layer of the trunk and for all of it."""
    weights = [getattr(model, layer).weight for layer in LAYERS]
    a, b = ([g.flatten() for g in tl.autograd.grad(loss, weights, retain_graph=True)] for loss in (first, second))
    for layer, u, v in zip([*LAYERS, "trunk"], [*a, tl.cat(a)], [*b, tl.cat(b)]):
        notes.setdefault(layer, []).append(F.cosine_similarity(u, v, dim=0).item())


def train(data: tuple[tl.Tensor, tl.Tensor], tasks: list[int], steps: int) -> tuple[Reader, Cosines, Cosines]:
    """Train a network; return it, and the cosines between two tasks and between two halves of a batch."""
    model, between, within = Reader(len(tasks)), {}, {}
    optimizer = tl.optim.Adam(model.parameters(), lr=0.003)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    for step in trange(steps, unit="step", desc="two tasks" if len(tasks) == 2 else f"task {tasks[0] + 1} alone"):
        x, y = overlay(*data, 128)
        halves = [losses_of(model, *half) for half in zip(x.chunk(2), y[:, tasks].chunk(2))]
        if len(tasks) == 2 and step % 5 == 0:
            note_cosines(model, halves[0][0], halves[0][1], between)
            note_cosines(model, halves[0][0], halves[1][0], within)
        loss = (sum(halves[0]) + sum(halves[1])) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return model, between, within


def draw(plt: Any, canvases: tl.Tensor, labels: tl.Tensor, between: Cosines, within: Cosines) -> Any:
    figure = plt.figure(figsize=(11, 4))
    left, right = figure.subfigures(1, 2, width_ratios=[1, 2.4])
    for panel, canvas, (first, second) in zip(left.subplots(3, 3).flat, canvases, labels.tolist()):
        panel.imshow(canvas[0].numpy())
        panel.set_title(f"{first} and {second}")
        panel.axis("off")
    over_time, by_layer = right.subplots(1, 2, width_ratios=[1.5, 1])
    for label, notes in (("one task, two halves of a batch", within), ("the two tasks", between)):
        values = tl.tensor(notes["trunk"])
        width = max(1, len(values) // 8)
        (points,) = over_time.plot(range(0, 5 * len(values), 5), values.numpy(), ".", alpha=0.3)
        middle = values.unfold(0, width, 1).mean(1).numpy()
        at = [5 * (i + width / 2) for i in range(len(middle))]
        over_time.plot(at, middle, color=points.get_color(), linewidth=2, label=label)
    over_time.set(xlabel="step", ylabel="cosine of two gradients", ylim=(-1, 1), title="All weights of the trunk")
    by_layer.boxplot([between[layer] for layer in LAYERS], tick_labels=LAYERS, showfliers=False)
    by_layer.set(ylim=(-1, 1), title="The two tasks, layer by layer")
    for axes in (over_time, by_layer):
        axes.axhline(0, color="gray", linewidth=0.8, linestyle=":")
    over_time.legend(loc="lower right")
    return figure


def main() -> None:
    options = parse(__doc__, {"steps": 100}, steps=(500, "batches of training, for each network"))
    tl.manual_seed(options.seed)
    x, x_test, y, y_test = train_test_split(*digits(images=True))
    canvases, labels = overlay(x_test, y_test, 2000)

    def accuracies(model: Reader, tasks: list[int]) -> list[float]:
        with tl.no_grad():
            return [(s.argmax(1) == labels[:, task]).float().mean().item() for s, task in zip(model(canvases), tasks)]

    model, between, within = train((x, y), [0, 1], options.steps)
    shared = accuracies(model, [0, 1])
    alone = [accuracies(train((x, y), [task], options.steps)[0], [task])[0] for task in (0, 1)]
    print("test accuracy of the one digit and of the other")
    print("  with a shared trunk:   ", *(f"{accuracy:.4f}" for accuracy in shared))
    print("  with a network of each:", *(f"{accuracy:.4f}" for accuracy in alone))
    for name, notes in (("one task, two halves of a batch", within), ("the two tasks", between)):
        print(f"mean cosine of gradients by the trunk, {name}: {sum(notes['trunk']) / len(notes['trunk']):.3f}")
    save_picture("multitask", draw, canvases, labels, between, within)
    finish("accuracy of both heads", sum(shared) / 2)


if __name__ == "__main__":
    main()
