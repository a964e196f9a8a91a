"""Which digit does each pixel belong to? A small U-Net on canvases with one to three handwritten digits.

Going down, the network sees more and more of the canvas at a lower and lower resolution; going up again, it joins
what it has understood with what it saw at that resolution on the way down. What comes out is a class for each pixel:
paper, or one of ten digits. Its quality is the overlap of what it marks as a digit with what is one, the mean over
the digits of intersection over union::

    python examples/segmentation.py

Goal: mean intersection over union >= 0.75 in a full run, >= 0.1 with --quick.

Ronneberger, Fischer and Brox: U-Net: convolutional networks for biomedical image segmentation (2015), arXiv:1505.04597.
"""

from __future__ import annotations

from typing import Any

from _canvases import draw_canvases
from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.datasets import digits, train_test_split

CLASSES = 11  # paper and ten digits


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions of the same size."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """Canvases (n, 1, 32, 32) to scores (n, 11, 32, 32)."""

    def __init__(self, width: int = 12, levels: int = 3) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList([double(n, m) for n, m in zip([1, *widths], widths)])
        self.widen = nn.ModuleList([nn.ConvTranspose2d(2 * n, n, 2, stride=2) for n in widths[:-1]])
        self.up = nn.ModuleList([double(2 * n, n) for n in widths[:-1]])
        self.head = nn.Conv2d(width, CLASSES, 1)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """Down three times and up again; `cat` joins each level with what was seen there on the way down."""
        seen = [self.down[0](x)]
        for down in self.down[1:]:
            seen.append(down(nn.functional.max_pool2d(seen[-1], 2)))
        x = seen.pop()
        for widen, up in zip(reversed(self.widen), reversed(self.up)):
            x = up(tl.cat([widen(x), seen.pop()], 1))
        return self.head(x)


def overlap(marked: tl.Tensor, masks: tl.Tensor) -> float:
    """Intersection over union, the mean over the ten digits."""
    shares = [((marked == k) & (masks == k)).sum() / ((marked == k) | (masks == k)).sum() for k in range(1, CLASSES)]
    return tl.stack(shares).mean().item()


def train(model: UNet, images: tl.Tensor, masks: tl.Tensor, steps: int) -> None:
    optimizer = tl.optim.Adam(model.parameters())
    scheduler = tl.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    weight = tl.ones(CLASSES)
    weight[0] = 0.1  # nine pixels of ten are paper: digits count as much as it, together
    progress = tqdm(range(steps), unit="step")
    for _ in progress:
        batch = tl.randint(len(images), (16,))
        loss = nn.functional.cross_entropy(model(images[batch]), masks[batch], weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        progress.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)


def draw(plt: Any, images: tl.Tensor, masks: tl.Tensor, marked: tl.Tensor) -> Any:
    figure, axes = plt.subplots(3, len(images), figsize=(1.5 * len(images) + 0.8, 4.6))
    colours = plt.get_cmap("tab10")
    for column, image, mask, ours in zip(axes.T, images, masks, marked):
        column[0].imshow(image[0].numpy())
        for panel, numbers in ((column[1], mask), (column[2], ours)):
            panel.imshow(tl.where(numbers > 0, numbers - 1, 0).numpy(), cmap=colours, vmin=0, vmax=9)
            panel.imshow((numbers == 0).float().numpy(), cmap="Greys_r", alpha=(numbers == 0).float().numpy())
            found = [int(k) for k in numbers.unique() if int((numbers == k).sum()) > 8 and k > 0]
            panel.set_title(", ".join(str(k - 1) for k in found), fontsize="small")
        for panel in column:
            panel.set(xticks=[], yticks=[])
    for panel, title in zip(axes[:, 0], ("canvas", "true", "U-Net")):
        panel.set_ylabel(title)
    return figure


def main() -> None:
    options = parse(__doc__, {"steps": 250}, steps=(1000, "training steps, of 16 canvases"))
    tl.manual_seed(options.seed)
    x_train, x_test, y_train, y_test = train_test_split(*digits(images=True))
    train_set = draw_canvases(x_train, y_train, 500 if options.quick else 3000)
    test_set = draw_canvases(x_test, y_test, 200)
    model = UNet()
    train(model, train_set.images, train_set.masks, options.steps)
    model.eval()
    with tl.no_grad():
        marked = model(test_set.images).argmax(1)
    right = (marked == test_set.masks).float().mean().item()
    print(f"{sum(map(tl.numel, model.parameters()))} parameters, {right:.4f} of the pixels are right")
    save_picture("segmentation", draw, test_set.images[:7], test_set.masks[:7], marked[:7])
    finish("mean intersection over union", overlap(marked, test_set.masks))


if __name__ == "__main__":
    main()
