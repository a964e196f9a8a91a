"""Generated classification problems in the plane, and the split into training and test data.

Coordinates stay within about -2.5..2.5, so a network takes them without normalisation. Classes are as equal
in size as `n` allows, and samples come shuffled. Each call draws from its own `np.random.Generator(seed)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapeless._creation import from_numpy
from tapeless._tensor import Tensor


def spirals(
    n: int = 300, arms: int = 2, noise: float = 0.05, seed: int | None = 0, turns: float = 1.25
) -> tuple[Tensor, Tensor]:
    """`n` points on `arms` interleaved spirals around the origin, one class per arm: `X` (n, 2), `y` (n,).

    Each arm winds `turns` times while its radius grows from 0.4 to 2. `noise` is the standard deviation added
    to both coordinates; neighbouring arms lie `1.6 / turns / arms` apart. A linear model gets 2/3 right.
    Raises `ValueError` for `n < 2`, `arms < 1`, `noise < 0`.

    >>> from tapeless import datasets
    >>> X, y = datasets.spirals(n=100, arms=3)
    >>> tuple(X.shape), int(y.max())
    ((100, 2), 2)
    """
    _check(n, noise)
    if arms < 1:
        raise ValueError(f"expected arms >= 1 (one class per arm), got arms={arms}")
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % arms
    # The root makes the density even over the plane; evenly spaced radii would crowd the centre.
    radius = np.sqrt(rng.uniform(0.2**2, 1, size=n))
    angle = 2 * np.pi * (turns * (radius - 0.2) / 0.8 + labels / arms)
    return _finish(2 * _on_circle(radius, angle), labels, noise, rng)


def moons(n: int = 300, noise: float = 0.1, seed: int | None = 0) -> tuple[Tensor, Tensor]:
    """`n` points on two interlocking half circles of radius 1 around the origin: `X` (n, 2), `y` (n,).

    `noise` is the standard deviation added to both coordinates. Raises `ValueError` for `n < 2`, `noise < 0`.

    >>> from tapeless import datasets
    >>> X, y = datasets.moons(n=8)
    >>> sorted(int(label) for label in y)
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    _check(n, noise)
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    angle = rng.uniform(0, np.pi, size=n)
    upper = _on_circle(1, angle) - (0.5, 0.25)
    return _finish(np.where(labels[:, None] == 0, upper, -upper), labels, noise, rng)


def circles(n: int = 300, noise: float = 0.08, seed: int | None = 0, factor: float = 0.5) -> tuple[Tensor, Tensor]:
    """`n` points on two circles around the origin, of radius 1 (class 0) and `factor`: `X` (n, 2), `y` (n,).

    `noise` is the standard deviation added to both coordinates.
    Raises `ValueError` for `n < 2`, `noise < 0`, or a `factor` not between 0 and 1.

    >>> from tapeless import datasets
    >>> X, y = datasets.circles(n=50, noise=0)
    >>> round(float((X[0] ** 2).sum()), 4) in (0.25, 1.0)
    True
    """
    _check(n, noise)
    if not 0 < factor < 1:
        raise ValueError(f"expected 0 < factor < 1 (inner radius / outer radius), got factor={factor}")
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    radius = np.where(labels == 0, 1.0, factor)
    return _finish(_on_circle(radius, rng.uniform(0, 2 * np.pi, size=n)), labels, noise, rng)


def blobs(n: int = 300, centers: int = 3, noise: float = 0.35, seed: int | None = 0) -> tuple[Tensor, Tensor]:
    """`n` points in `centers` round clouds: `X` (n, 2), `y` (n,).

    The centres stand evenly on a circle of radius 1.5; `noise` is the standard deviation of a cloud.
    The only one of these sets that a linear model can learn.
    Raises `ValueError` for `n < 2`, `centers < 1`, `noise < 0`.

    >>> from tapeless import datasets
    >>> X, y = datasets.blobs(n=90, centers=3)
    >>> [int((y == label).sum()) for label in range(3)]
    [30, 30, 30]
    """
    _check(n, noise)
    if centers < 1:
        raise ValueError(f"expected centers >= 1 (one class per cloud), got centers={centers}")
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % centers
    return _finish(_on_circle(1.5, 2 * np.pi * labels / centers + np.pi / 2), labels, noise, rng)


def xor(n: int = 300, noise: float = 0.05, seed: int | None = 0) -> tuple[Tensor, Tensor]:
    """`n` points in the square -1..1, class 1 where the coordinates differ in sign: `X` (n, 2), `y` (n,).

    `noise` is the standard deviation added to both coordinates after the class is fixed: it blurs the border.
    Raises `ValueError` for `n < 2`, `noise < 0`.

    >>> from tapeless import datasets
    >>> X, y = datasets.xor(n=4, noise=0)
    >>> all((float(a) * float(b) < 0) == bool(label) for (a, b), label in zip(X, y))
    True
    """
    _check(n, noise)
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    # A margin of 0.05 along the axes: without noise no point lies on the border itself.
    size = rng.uniform(0.05, 1, size=(n, 2))
    sign = rng.choice((-1.0, 1.0), size=n)
    points = size * np.stack([sign, np.where(labels == 1, -sign, sign)], axis=1)
    return _finish(points, labels, noise, rng)


def train_test_split(X: Any, y: Any, test_fraction: float = 0.2, seed: int | None = 0) -> tuple[Any, Any, Any, Any]:
    """Split samples at random into `(X_train, X_test, y_train, y_test)`, the order that scikit-learn returns.

    `X` and `y` are Tensors (or ndarrays) of equal length; the parts are copies, the test part has
    `round(n * test_fraction)` samples, at least one. The same seed gives the same split.
    Classes are not balanced.
    Raises `ValueError` for unequal lengths, fewer than two samples, or a `test_fraction` not between 0 and 1.

    >>> from tapeless import datasets
    >>> X_train, X_test, y_train, y_test = datasets.train_test_split(*datasets.digits())
    >>> len(X_train), len(X_test)
    (1438, 359)
    """
    n = len(X)
    if len(y) != n:
        raise ValueError(f"expected X and y of equal length, got {n} and {len(y)}")
    if n < 2:
        raise ValueError(f"expected at least 2 samples, one for each part, got {n}")
    if not 0 < test_fraction < 1:
        raise ValueError(f"expected 0 < test_fraction < 1, got test_fraction={test_fraction}")
    n_test = min(max(round(n * test_fraction), 1), n - 1)
    order = np.random.default_rng(seed).permutation(n)
    test, train = order[:n_test], order[n_test:]
    return X[train], X[test], y[train], y[test]


def _check(n: int, noise: float) -> None:
    if n < 2:
        raise ValueError(f"expected n >= 2 points, got n={n}")
    if not noise >= 0:  # so written, NaN is refused too
        raise ValueError(f"expected noise >= 0 (a standard deviation), got noise={noise}")


def _on_circle(radius: Any, angle: np.ndarray) -> np.ndarray:
    """Points (n, 2) at these polar coordinates."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _finish(points: np.ndarray, labels: np.ndarray, noise: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Add the noise, shuffle, and wrap as Tensors: points (n, 2) float32, labels (n,) int64."""
    points = points + noise * rng.standard_normal(points.shape)
    order = rng.permutation(len(points))
    return from_numpy(points[order].astype(np.float32)), from_numpy(labels[order].astype(np.int64))
