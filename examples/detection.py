"""Where are the digits? Boxes around one to three handwritten digits on a canvas, in one look.

A convolutional network divides a canvas of 32 x 32 pixels into 8 x 8 cells. Each cell says whether the middle of a
digit lies in it, which digit, and where the edges of its box are. Of boxes that overlap only the surest stays. A box
counts as right when it overlaps a true one by half (intersection over union) and names the right digit; F1 is the
mean of precision and recall that is low when either is::

    python examples/detection.py

Goal: F1 of boxes and digits >= 0.93 in a full run, >= 0.4 with --quick.

Redmon, Divvala, Girshick and Farhadi: You only look once (2015), arXiv:1506.02640; Tian, Shen, Chen and He: FCOS
(2019), arXiv:1904.01355, for boxes as distances to four edges.
"""

from __future__ import annotations

from typing import Any

from _canvases import MOST, SIDE, Canvases, draw_canvases
from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split

CELL = 4  # pixels of a cell
CELLS = SIDE // CELL


def layer(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def detector() -> nn.Sequential:
    """Canvases (n, 1, 32, 32) to (n, 15, 8, 8): is there a middle, four distances, ten digits."""
    return nn.Sequential(
        layer(1, 16),
        nn.MaxPool2d(2),
        layer(16, 32),
        nn.MaxPool2d(2),
        layer(32, 64),
        layer(64, 64),
        nn.Conv2d(64, 15, 1),
    )


def middles() -> tl.Tensor:
    """The places (x, y) of the cells' middles in pixels: (2, 8, 8)."""
    axis = CELL * (tl.arange(CELLS) + 0.5)
    return tl.stack([axis.expand(CELLS, CELLS), axis.unsqueeze(1).expand(CELLS, CELLS)])


def decode(out: tl.Tensor) -> tl.Tensor:
    """Boxes (n, 4, 8, 8), left, top, right and lower edge, from the distances to them, which are exp of the output."""
    distances = CELL * out[:, 1:5].clamp(max=2.5).exp()
    return tl.cat([middles() - distances[:, :2], middles() + distances[:, 2:]], 1)


def assign(data: Canvases) -> tuple[tl.Tensor, tl.Tensor]:
    """What each cell should say: the digit (n, 8, 8), -1 where there is no middle, and its box (n, 4, 8, 8)."""
    n = len(data.images)
    wanted, boxes = tl.full((n, CELLS, CELLS), -1), tl.zeros(n, 4, CELLS, CELLS)
    columns, rows = ((data.boxes[..., :2] + data.boxes[..., 2:]) / 2 / CELL).long().unbind(-1)  # (n, 3) each
    for k in range(MOST):
        i = (data.labels[:, k] >= 0).nonzero().flatten()
        wanted[i, rows[i, k], columns[i, k]] = data.labels[i, k]
        boxes[i, :, rows[i, k], columns[i, k]] = data.boxes[i, k]
    return wanted, boxes


def loss_of(out: tl.Tensor, wanted: tl.Tensor, boxes: tl.Tensor) -> tl.Tensor:
    """Is there one (all cells), and where there is: which, and how much of the boxes' union is not shared."""
    there = wanted >= 0
    objectness = nn.functional.binary_cross_entropy_with_logits(out[:, 0], there.float(), reduction="sum")
    which = nn.functional.cross_entropy(out[:, 5:].permute(0, 2, 3, 1)[there], wanted[there], reduction="sum")
    found, true = decode(out).permute(0, 2, 3, 1)[there], boxes.permute(0, 2, 3, 1)[there]
    return (objectness + which + 2 * (1 - overlap(found, true)).sum()) / there.sum()


def overlap(a: tl.Tensor, b: tl.Tensor) -> tl.Tensor:
    """Intersection over union of boxes (..., 4)."""
    shared = (tl.minimum(a[..., 2:], b[..., 2:]) - tl.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    return shared / ((a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared)


@tl.no_grad()
def detect(model: nn.Module, images: tl.Tensor) -> list[list[tuple[tl.Tensor, int]]]:
    """For each canvas the boxes and digits; of those that overlap by more than 0.4 only the surest."""
    model.eval()
    out = model(images)
    scores, boxes = out[:, 0].sigmoid().flatten(1), decode(out).flatten(2).transpose(1, 2)
    kinds = out[:, 5:].argmax(1).flatten(1)
    found = []
    for score, box, kind in zip(scores, boxes, kinds):
        kept: list[tuple[tl.Tensor, int]] = []
        for cell in score.argsort(descending=True).tolist():
            if score[cell] < 0.4:
                break
            if all(overlap(box[cell], other) < 0.4 for other, _ in kept):
                kept.append((box[cell], int(kind[cell])))
        found.append(kept)
    return found


def f1(found: list[list[tuple[tl.Tensor, int]]], data: Canvases) -> float:
    """Twice the right boxes, of all found and all true ones; each true box is found once at most."""
    right = 0
    for boxes, true, labels in zip(found, data.boxes, data.labels):
        left = [k for k in range(MOST) if labels[k] >= 0]
        for box, kind in boxes:
            hit = [k for k in left if labels[k] == kind and overlap(box, true[k]) >= 0.5]
            right += bool(hit)
            left = [k for k in left if k not in hit[:1]]
    return 2 * right / (sum(map(len, found)) + int((data.labels >= 0).sum()))


def draw(plt: Any, data: Canvases, found: list[list[tuple[tl.Tensor, int]]]) -> Any:
    figure, axes = plt.subplots(2, 6, figsize=(12, 4.4))
    for panel, image, boxes in zip(axes.flat, data.images, found):
        panel.imshow(image[0].numpy(), extent=(0, SIDE, SIDE, 0))
        for box, kind in boxes:
            left, top, right, bottom = box.tolist()
            colour = plt.get_cmap("tab10")(kind)
            panel.add_patch(plt.Rectangle((left, top), right - left, bottom - top, fill=False, color=colour, lw=2))
            panel.text(left, top - 0.5, kind, color=colour, weight="bold", clip_on=True)
        panel.set(xticks=[], yticks=[], xlim=(0, SIDE), ylim=(SIDE, 0))
    return figure


def main() -> None:
    options = parse(__doc__, {"steps": 100}, steps=(800, "training steps, of 32 canvases"))
    tl.manual_seed(options.seed)
    x_train, x_test, y_train, y_test = train_test_split(*digits(images=True))
    train_set = draw_canvases(x_train, y_train, 500 if options.quick else 4000)
    test_set = draw_canvases(x_test, y_test, 200)
    wanted, boxes = assign(train_set)

    model = detector()
    optimizer = tl.optim.Adam(model.parameters())
    scheduler = tl.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.006, total_steps=options.steps)
    progress = tqdm(range(options.steps), unit="step")
    for _ in progress:
        batch = tl.randint(len(wanted), (32,))
        loss = loss_of(model(train_set.images[batch]), wanted[batch], boxes[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        progress.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)

    found = detect(model, test_set.images)
    save_picture("detection", draw, test_set, found)
    finish("F1 of boxes and digits", f1(found, test_set))


if __name__ == "__main__":
    main()
