"""Real handwritten digits, shipped inside the package (45 kB)."""

from __future__ import annotations

from importlib import resources

import numpy as np

from tapeless._creation import from_numpy
from tapeless._tensor import Tensor

LARGEST_PIXEL = 16  # each pixel counts the inked dots in a 4x4 block of the 32x32 scan


def digits(images: bool = False) -> tuple[Tensor, Tensor]:
    """1,797 handwritten digits, 8x8 pixels each: `X` (1797, 64) float32 in 0..1, `y` (1797,) int64 in 0..9.

    With `images=True`, `X` has shape (1797, 1, 8, 8), as convolutions take it. Every call gives fresh copies.

    The data are the test set of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak,
    written by 13 people (UCI Machine Learning Repository, https://doi.org/10.24432/C50P49), CC BY 4.0;
    see `DIGITS_LICENSE.txt` beside this file. Pixel counts 0..16 are divided by 16; nothing else is changed.

    >>> from tapeless import datasets
    >>> X, y = datasets.digits()
    >>> tuple(X.shape), [int(label) for label in y[:4]]
    ((1797, 64), [0, 1, 2, 3])
    """
    pixels, labels = _load()
    X = pixels.astype(np.float32) / np.float32(LARGEST_PIXEL)
    X = X.reshape(-1, 1, 8, 8) if images else X.reshape(-1, 64)
    return from_numpy(X), from_numpy(labels.astype(np.int64))


def _load() -> tuple[np.ndarray, np.ndarray]:
    """The shipped arrays as they are: pixels (1797, 8, 8) and labels (1797,), both uint8."""
    # Through resources and not __file__: also right when the package is imported from a zip.
    file = resources.files(__package__).joinpath("digits.npz")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return archive["images"], archive["labels"]
