"""Canvases with digits of several sizes on them, for detection and segmentation."""

from __future__ import annotations

from dataclasses import dataclass

import tapeless as tl
from tapeless.nn.functional import interpolate

SIDE = 32  # pixels of a canvas
MOST = 3  # digits on it


@dataclass
class Canvases:
    """`images` (n, 1, 32, 32); `masks` (n, 32, 32), for each pixel 0 or 1 + its digit; and what is where.

    `boxes` (n, 3, 4) are left, top, right and lower edge in pixels, `labels` (n, 3) the digits, -1 where there is none.
    """

    images: tl.Tensor
    masks: tl.Tensor
    boxes: tl.Tensor
    labels: tl.Tensor


def draw_canvases(digits: tl.Tensor, labels: tl.Tensor, count: int) -> Canvases:
    """Place one to three of `digits` (n, 1, 8, 8), each 9 to 15 pixels wide and high, on each of `count` canvases."""
    out = Canvases(
        0.15 * tl.rand(count, 1, SIDE, SIDE),  # paper is not quite white
        tl.zeros(count, SIDE, SIDE, dtype=tl.int64),
        tl.zeros(count, MOST, 4),
        tl.full((count, MOST), -1),
    )
    for i in range(count):
        for k in range(int(tl.randint(1, MOST + 1, ()))):
            chosen = int(tl.randint(len(digits), ()))
            width, height = tl.randint(9, 16, (2,)).tolist()
            left, top = (tl.rand(2) * tl.tensor([SIDE - width, SIDE - height])).int().tolist()
            place = (slice(top, top + height), slice(left, left + width))
            if out.masks[i][place].any():
                continue  # no room there: one digit less
            digit = interpolate(digits[chosen : chosen + 1], size=(height, width), mode="bilinear")[0, 0]
            out.images[i, 0][place] = tl.maximum(out.images[i, 0][place], digit)
            out.masks[i][place] = tl.where(digit > 0.3, 1 + labels[chosen], 0)
            out.boxes[i, k] = tl.tensor([left, top, left + width, top + height])
            out.labels[i, k] = labels[chosen]
    return out
