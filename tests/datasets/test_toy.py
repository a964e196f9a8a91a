"""The generated sets: shapes, dtypes, balance, seeds, what is learnable, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tapeless import datasets

GENERATORS = {
    "spirals": datasets.spirals,
    "moons": datasets.moons,
    "circles": datasets.circles,
    "blobs": datasets.blobs,
    "xor": datasets.xor,
}
every_set = pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS.keys())


def arrays(pair):
    return tuple(np.asarray(part) for part in pair)


def rows(X, y):
    return [(*point, label) for point, label in zip(np.asarray(X).tolist(), np.asarray(y).tolist())]


def linear_accuracy(X, y):
    """Training accuracy of the least-squares linear classifier."""
    design = np.c_[X, np.ones(len(X))]
    weights = np.linalg.lstsq(design, np.eye(y.max() + 1)[y], rcond=None)[0]
    return float(((design @ weights).argmax(1) == y).mean())


def nearest_neighbour_accuracy(X, y):
    """Leave-one-out accuracy of the nearest neighbour: high where classes form connected shapes."""
    distance = ((X[:, None] - X[None]) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    return float((y[distance.argmin(1)] == y).mean())


@every_set
@pytest.mark.parametrize("n", [2, 3, 300])
def test_shapes_and_dtypes(make, n):
    X, y = arrays(make(n=n))
    assert X.shape == (n, 2) and X.dtype == np.float32
    assert y.shape == (n,) and y.dtype == np.int64
    assert np.isfinite(X).all() and np.abs(X).max() < 4


@every_set
def test_classes_are_balanced_and_shuffled(make):
    _, y = arrays(make(n=301))
    counts = np.bincount(y)
    assert counts.max() - counts.min() <= 1 and counts.sum() == 301
    assert not np.array_equal(y, np.arange(301) % len(counts))
    assert not np.array_equal(y, np.sort(y))


@every_set
def test_same_seed_same_data_and_global_state_untouched(make):
    before = np.random.get_state()[1].copy()
    first, again, other = arrays(make(seed=3)), arrays(make(seed=3)), arrays(make(seed=4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@every_set
def test_noise_is_a_standard_deviation(make):
    clean, _ = arrays(make(n=4000, noise=0, seed=1))
    noisy, _ = arrays(make(n=4000, noise=0.5, seed=1))
    # Same seed, same order: the difference is the noise alone.
    assert np.std(noisy - clean) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("arms", [1, 2, 3, 5])
def test_spirals_make_one_class_per_arm(arms):
    _, y = arrays(datasets.spirals(n=100, arms=arms))
    assert sorted(set(y.tolist())) == list(range(arms))


@pytest.mark.parametrize("name", ["spirals", "moons", "circles", "xor"])
def test_a_linear_model_fails_where_a_flexible_one_succeeds(name):
    X, y = arrays(GENERATORS[name](n=600))
    assert linear_accuracy(X, y) < 0.9
    assert nearest_neighbour_accuracy(X, y) > 0.95


def test_spirals_are_far_from_linear_and_cleanly_separated():
    for seed in range(5):
        X, y = arrays(datasets.spirals(seed=seed))
        assert linear_accuracy(X, y) < 0.75
        assert nearest_neighbour_accuracy(X, y) >= 0.99


def test_blobs_are_linear():
    assert linear_accuracy(*arrays(datasets.blobs())) > 0.98


def test_circles_without_noise_lie_on_their_radii():
    X, y = arrays(datasets.circles(noise=0, factor=0.25))
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1, 0.25), rtol=1e-6)


def test_xor_without_noise_is_the_sign_rule():
    X, y = arrays(datasets.xor(noise=0))
    np.testing.assert_array_equal(y, (X[:, 0] * X[:, 1] < 0).astype(np.int64))


@every_set
def test_bad_n_and_noise_are_refused(make):
    with pytest.raises(ValueError, match=r"expected n >= 2 points, got n=1"):
        make(n=1)
    with pytest.raises(ValueError, match=r"expected noise >= 0 .*, got noise=-0.1"):
        make(noise=-0.1)
    with pytest.raises(ValueError, match=r"got noise=nan"):
        make(noise=float("nan"))


def test_other_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"expected arms >= 1 .*, got arms=0"):
        datasets.spirals(arms=0)
    with pytest.raises(ValueError, match=r"expected centers >= 1 .*, got centers=0"):
        datasets.blobs(centers=0)
    with pytest.raises(ValueError, match=r"expected 0 < factor < 1 .*, got factor=1"):
        datasets.circles(factor=1)


def test_split_keeps_every_sample_once_and_pairs_together():
    X, y = datasets.blobs(n=101)
    X_train, X_test, y_train, y_test = datasets.train_test_split(X, y, test_fraction=0.25, seed=5)
    assert type(X_train) is type(X) and type(y_test) is type(y)
    assert (len(X_train), len(X_test), len(y_train), len(y_test)) == (76, 25, 76, 25)
    found = rows(X_train, y_train) + rows(X_test, y_test)
    assert len(found) == 101 and set(found) == set(rows(X, y))


def test_split_depends_on_the_seed_alone():
    X, y = np.arange(50), np.arange(50)
    first = datasets.train_test_split(X, y, seed=1)
    np.testing.assert_array_equal(first[1], datasets.train_test_split(X, y, seed=1)[1])
    assert not np.array_equal(first[1], datasets.train_test_split(X, y, seed=2)[1])


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_split_never_leaves_a_part_empty(fraction):
    train, test, *_ = datasets.train_test_split(np.arange(10), np.arange(10), test_fraction=fraction)
    assert len(train) >= 1 and len(test) >= 1 and len(train) + len(test) == 10


def test_split_refuses_what_cannot_be_split():
    with pytest.raises(ValueError, match="expected X and y of equal length, got 4 and 3"):
        datasets.train_test_split(np.zeros(4), np.zeros(3))
    with pytest.raises(ValueError, match="expected at least 2 samples.*got 1"):
        datasets.train_test_split(np.zeros(1), np.zeros(1))
    for fraction in (0, 1, -0.5, 2):
        with pytest.raises(ValueError, match="expected 0 < test_fraction < 1, got test_fraction="):
            datasets.train_test_split(np.zeros(4), np.zeros(4), test_fraction=fraction)
