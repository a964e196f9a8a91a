"""Seeing and hearing: a digit as a damaged image and in noisy Morse code, read better from both than from either.

A band of each image is covered, and the rest is noisy; the same digit is keyed in Morse code, a tone of unknown pitch,
tempo and beginning, in noise. The script makes the sounds, and `tl.stft` their spectrograms. One network gets images,
one sounds, and a third gets both: an encoder for each, their codes joined before the last layer. What the image leaves
open (3 or 8?) the sound decides; where the sound leaves one stroke of five open (1 or 2?) the image knows. Given the
digit, the two kinds of damage have nothing to do with each other, so Bayes' rule says that one may also add up what
the first two networks say (their log-probabilities). That is even a little better than the third, which has to learn as
much by itself. The picture shows what was given, and what each network takes for what::

    python examples/multimodal.py

Goal: accuracy from both together >= 0.9 in a full run, >= 0.7 with --quick.

Ngiam et al.: Multimodal Deep Learning (2011), on speech that is seen and heard.
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

MORSE = "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----.".split()
UNIT = 16  # samples of sound in a dot
Given = dict[str, tl.Tensor]


def damaged(images: tl.Tensor) -> tl.Tensor:
    """Cover three rows or columns of each image (n, 1, 8, 8), at a random place, and add noise."""
    n, place = len(images), tl.arange(8)
    first = tl.randint(6, (n, 1, 1, 1))
    band = (place >= first) & (place < first + 3)  # (n, 1, 1, 8)
    band = tl.where(tl.rand(n, 1, 1, 1) < 0.5, band, band.transpose(2, 3))
    return images.masked_fill(band, 0.0) + 0.2 * tl.randn_like(images)


def sound_of(labels: tl.Tensor) -> tl.Tensor:
    """Key digits (n,) in Morse code, in noise, and return their spectrograms: (n, 17 frequencies, 27 times)."""
    keys = ["".join({".": "10", "-": "1110"}[stroke] for stroke in code).ljust(20, "0") for code in MORSE]
    on = tl.tensor([[float(key) for key in row] for row in keys])[labels]  # (n, 20): a number for each dot's time
    start, tempo, pitch, phase = tl.rand(4, len(labels), 1)
    time = tl.arange(26.0 * UNIT)
    unit = ((time / UNIT - 3 * start) * (0.9 + 0.2 * tempo)).floor().long()
    loud = on.gather(1, unit.clamp(0, 19)) * ((unit >= 0) & (unit < 20))
    tone = (2 * math.pi * ((0.12 + 0.26 * pitch) * time + phase)).sin()
    sound = loud * tone + 0.5 * tl.randn(tone.shape)
    return tl.stft(sound, 2 * UNIT, UNIT, window=tl.hann_window(2 * UNIT), return_complex=True).abs() / 4


class Reader(nn.Module):
    """An encoder for each sense that it has, and one linear layer for what they say together."""

    def __init__(self, senses: str) -> None:
        super().__init__()
        image = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()]
        sound = [nn.Conv1d(17, 48, 5, padding=2), nn.ReLU(), nn.Conv1d(48, 48, 5, stride=2, padding=2), nn.ReLU()]
        layers = {"image": [*image, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 4 * 4, 64), nn.ReLU()]}
        layers["sound"] = [*sound, nn.Flatten(), nn.Linear(48 * 14, 64), nn.ReLU()]
        self.encoders = nn.ModuleDict({sense: nn.Sequential(*layers[sense]) for sense in senses.split(" and ")})
        self.last = nn.Sequential(nn.Dropout(0.3), nn.Linear(64 * len(self.encoders), 10))

    def forward(self, given: Given) -> tl.Tensor:
        """What each sense is given to ten scores, (n, 10)."""
        return self.last(tl.cat([encoder(given[sense]) for sense, encoder in self.encoders.items()], dim=1))


def train(senses: str, x: tl.Tensor, y: tl.Tensor, options: Any) -> Reader:
    """Train a network on freshly damaged images and sounds; each gets the same ones."""
    tl.manual_seed(options.seed)
    model = Reader(senses)
    optimizer = tl.optim.Adam(model.parameters(), lr=0.004)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.steps)
    for _ in trange(options.steps, unit="step", desc=f"{senses:15}"):
        batch = tl.randint(len(x), (64,))
        loss = F.cross_entropy(model({"image": damaged(x[batch]), "sound": sound_of(y[batch])}), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return model.eval()


def draw(plt: Any, given: Given, y: tl.Tensor, said: dict[str, tl.Tensor]) -> Any:
    figure = plt.figure(figsize=(12, 3.7))
    left, right = figure.subfigures(1, 2, width_ratios=[1, 2])
    by_image, by_sound, by_both = (said[name] == y for name in ("image", "sound", "image and sound"))
    kinds = [by_image & ~by_sound, ~by_image & by_sound, ~by_image & ~by_sound]
    chosen = [i for kind in kinds for i in (kind & by_both).nonzero().flatten().tolist()[:1]]
    panels = left.subplots(3, 2, width_ratios=[1, 2])
    for row, i in enumerate(chosen):
        panels[row, 0].imshow(given["image"][i, 0].numpy(), vmin=0, vmax=1)
        panels[row, 1].imshow(given["sound"][i].numpy(), origin="lower", aspect="auto", cmap="magma")
        panels[row, 0].set_title(f"a {int(y[i])}, looks like {int(said['image'][i])}")
        panels[row, 1].set_title(f"sounds like {int(said['sound'][i])} ({MORSE[int(said['sound'][i])]})")
    for panel in panels.flat:
        panel.set(xticks=[], yticks=[])
    for axes, (name, digit) in zip(right.subplots(1, 3), said.items()):
        axes.imshow(tl.bincount(10 * y + digit, minlength=100).view(10, 10).sqrt().numpy(), cmap="Blues")
        axes.set(xticks=range(10), yticks=range(10), xlabel="taken for", title=f"{name}: {rate(digit, y):.1%}")
    right.axes[0].set_ylabel("digit")
    return figure


def rate(digit: tl.Tensor, y: tl.Tensor) -> float:
    return (digit == y).float().mean().item()


def main() -> None:
    options = parse(__doc__, {"steps": 200}, steps=(1000, "batches of training, for each network"))
    tl.manual_seed(options.seed)
    x, x_test, y, y_test = train_test_split(*digits(images=True))
    x_test, y_test = x_test.repeat(5, 1, 1, 1), y_test.repeat(5)  # each five times, with another damage
    given = {"image": damaged(x_test), "sound": sound_of(y_test)}
    chances = {}
    for senses in ("image", "sound", "image and sound"):
        model = train(senses, x, y, options)
        with tl.no_grad():
            chances[senses] = model(given).log_softmax(dim=1)

    said = {senses: chance.argmax(dim=1) for senses, chance in chances.items()}
    for senses, digit in said.items():
        print(f"test accuracy from {senses}: {rate(digit, y_test):.4f}")
    added = (chances["image"] + chances["sound"]).argmax(dim=1)
    print(f"test accuracy from what the first two say, added: {rate(added, y_test):.4f}")
    save_picture("multimodal", draw, given, y_test, said)
    finish("accuracy from both together", rate(said["image and sound"], y_test))


if __name__ == "__main__":
    main()
