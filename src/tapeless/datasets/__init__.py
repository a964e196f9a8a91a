"""Small data sets to train on at once: five generated in the plane, and real handwritten digits.

Each returns `(X, y)`: `X` a float32 Tensor with one sample per row, `y` an int64 Tensor of class numbers, as
`CrossEntropyLoss` takes them. The same arguments always give the same data; no global seed is touched.
"""

from ._digits import digits as digits
from ._toy import (
    blobs as blobs,
    circles as circles,
    moons as moons,
    spirals as spirals,
    train_test_split as train_test_split,
    xor as xor,
)

__all__ = ["spirals", "moons", "circles", "blobs", "xor", "digits", "train_test_split"]
