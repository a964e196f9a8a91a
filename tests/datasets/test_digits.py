"""The shipped digits are the published ones, whole, small, and come with their licence."""

from __future__ import annotations

import hashlib
from importlib import resources

import numpy as np

from tapeless import datasets
from tapeless.datasets import _digits

# Of the uint8 bytes in C order. Class counts as published for optdigits.tes.
PIXELS_SHA256 = "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
LABELS_SHA256 = "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"
CLASS_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_shipped_bytes_are_the_published_data():
    pixels, labels = _digits._load()
    assert pixels.shape == (1797, 8, 8) and pixels.dtype == np.uint8
    assert labels.shape == (1797,) and labels.dtype == np.uint8
    assert (pixels.min(), pixels.max()) == (0, 16)
    assert np.bincount(labels).tolist() == CLASS_COUNTS
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == PIXELS_SHA256
    assert hashlib.sha256(labels.tobytes()).hexdigest() == LABELS_SHA256


def test_rows_are_scaled_to_one():
    X, y = (np.asarray(part) for part in datasets.digits())
    assert X.shape == (1797, 64) and X.dtype == np.float32
    assert y.shape == (1797,) and y.dtype == np.int64
    assert (X.min(), X.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(X * 16, _digits._load()[0].reshape(-1, 64))


def test_images_are_the_same_pixels_with_a_channel_axis():
    rows, _ = datasets.digits()
    images, _ = datasets.digits(images=True)
    assert tuple(images.shape) == (1797, 1, 8, 8)
    np.testing.assert_array_equal(np.asarray(images).reshape(-1, 64), np.asarray(rows))


def test_each_call_gives_its_own_copy():
    first, _ = datasets.digits()
    np.asarray(first)[:] = -1
    again, _ = datasets.digits()
    assert np.asarray(again).min() == 0


def test_the_file_is_small_and_its_licence_lies_beside_it():
    folder = resources.files("tapeless.datasets")
    assert len(folder.joinpath("digits.npz").read_bytes()) < 60_000
    notice = folder.joinpath("DIGITS_LICENSE.txt").read_text(encoding="utf-8")
    for fact in ("Alpaydin", "Kaynak", "UCI Machine Learning Repository", "CC BY 4.0", "10.24432/C50P49"):
        assert fact in notice
