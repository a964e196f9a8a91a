"""Writing by index, by mask and by strides; views by strides."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, ints, mask, row

# -- By index --------------------------------------------------------------------------------------------

DIFFERENT = np.array([2, 0])  # with a position twice, the order of writing would matter


def put_along(x, dim, index, source):
    """Write slices at positions of a dim."""
    out = np.array(x)
    np.moveaxis(out, dim, 0)[index] = np.moveaxis(np.asarray(source), dim, 0) if np.ndim(source) else source
    return out


row(
    "index_copy",
    [
        call(f(4, 3), 0, DIFFERENT, f(2, 3)),
        call(f(2, 4), -1, DIFFERENT, f(2, 2)),
        call(f(4), 0, np.array(1), f()),
        call(f(3, 2), 1, np.zeros(0, np.int64), f(3, 0)),
    ],
    put_along,
)
row(
    "index_fill",
    [
        call(f(4, 3), 0, DIFFERENT, 1.5),
        call(f(2, 4), -1, np.array([1, 1]), f()),
        call(f(4), 0, np.array([-1]), 0),
        call(f(3), 0, np.zeros(0, np.int64), 2.0),
    ],
    put_along,
)
PUTS = [
    call(f(4), (DIFFERENT,), f(2)),
    call(f(3, 4), (DIFFERENT, np.array([1, 3])), f(2)),
    call(f(3, 4), (DIFFERENT,), f(2, 4)),
    call(f(3, 4), (np.array([[0], [2]]), np.array([1, 3])), f()),
    call(f(3), (np.array([0, 0, 2]),), f(3), accumulate=True),
    call(f(3), (np.array([True, False, True]),), f(2), True),
]


def index_put(x, indices, values, accumulate=False):
    """Write or add at an index."""
    out = np.array(x)
    if accumulate:
        np.add.at(out, indices, values)
    else:
        out[indices] = values
    return out


row("index_put", PUTS, index_put, torch="Tensor.index_put")
row("index_put_", [], because="writes into its first argument; its rules are those of index_put")
row(
    "put",
    [
        call(f(2, 3), np.array([5, 0]), f(2)),
        call(f(2, 3), np.array([[1, -1]]), f(1, 2)),
        call(f(2, 3), np.array([1, 1, 4]), f(3), accumulate=True),
        call(f(), np.array([0]), f(1)),
        call(f(3), np.zeros(0, np.int64), f(0)),
    ],
    lambda x, i, s, accumulate=False: index_put(x.reshape(-1), (i.reshape(-1),), s.reshape(-1), accumulate).reshape(
        x.shape
    ),
    torch="Tensor.put",
)
row(
    "masked_scatter",
    [
        call(f(2, 3), np.array([[True, False, True], [False, True, True]]), f(6)),
        call(f(2, 3), np.array([True, False, True]), f(2, 2)),
        call(f(2, 2), np.zeros((2, 2), bool), f(1)),
        call(f(0), mask(0), f(0)),
        call(f(2, 2), np.ones((2, 2), bool), f(3, 2)),
    ],
)

# -- Reductions into places ------------------------------------------------------------------------------

INTO = [
    (f(3, 4, lo=0.5), 1, ints(3, 6, high=4), f(3, 6, lo=0.5)),
    (f(3, 4, lo=0.5), 0, ints(2, 3, high=3), f(2, 3, lo=0.5)),
    (f(4, lo=0.5), -1, np.array([0, 0, 3]), f(3, lo=0.5)),
]
# Without the first argument PyTorch counts it in ties all the same: the second one's elements are larger there.
WAYS = [("sum", True), ("sum", False), ("mean", True), ("mean", False), ("prod", True), ("prod", False)]
WAYS += [("amax", True), ("amin", True), ("amax", False), ("amin", False)]
LATER = ("amax", False), ("amin", False)


def reducing(places):
    """Combine arguments with the ways to reduce."""
    for x, dim, index, src in places:
        for way, own in WAYS:
            yield call(x, dim, index, src + 2 if (way, own) in LATER else src, way, include_self=own)


LARGER = call(f(3, 4), 0, ints(2, 3, high=3), f(4, 4), "sum")
row("scatter_reduce", [*reducing(INTO), call(f(), 0, np.array(0), f(), "sum"), LARGER])
SLICES = [
    (f(4, 3, lo=0.5), 0, np.array([0, 0, 2]), f(3, 3, lo=0.5)),
    (f(2, 4, lo=0.5), 1, np.array([3, 1]), f(2, 2, lo=0.5)),
]
row("index_reduce", [sample for sample in reducing(SLICES) if sample.args[4] != "sum"])

# -- By strides ------------------------------------------------------------------------------------------

STRIDED = [
    call(f(6), (2, 2), (3, 1)),
    call(f(2, 3), (3, 2), (1, 1)),
    call(f(6), (2,), (2,), 1),
    call(f(4), (), (), 2),
    call(f(4), (0, 2), (1, 1)),
]


def strided(x, size, stride, offset=0):
    """View flat elements by strides."""
    steps = tuple(step * x.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(x.reshape(-1)[offset:], size, steps)


row("as_strided", STRIDED, strided, layout=False)
row("unfold_method", [call(f(5), 0, 2, 1), call(f(2, 5), -1, 3, 2), call(f(3, 2), 0, 3, 1), call(f(), 0, 1, 1)],
    lambda x, d, n, s: np.lib.stride_tricks.sliding_window_view(x, n, d)[(slice(None),) * (d % x.ndim)
    + (slice(None, None, s),)] if x.ndim else None, torch="Tensor.unfold")  # fmt: skip
row("select_scatter", [call(f(3, 2), f(2), 0, 1), call(f(3, 2), f(3), -1, -2), call(f(2), f(), 0, 0)])
row(
    "slice_scatter",
    [
        call(f(4, 2), f(2, 2), 0, 1, 3),
        call(f(2, 5), f(2, 2), 1, start=0, end=4, step=2),
        call(f(3), f(3)),
        call(f(3), f(1), 0, -1),
    ],
)
row("diagonal_scatter", [call(f(3, 3), f(3)), call(f(2, 3), f(2), 1), call(f(2, 3, 3), f(2, 2), -1, 1, 2)])
row(
    "as_strided_scatter",
    [call(f(6), f(2), (2,), (3,)), call(f(2, 3), f(2, 2), (2, 2), (3, 1), 1), call(f(4), f(), (), (), 2)],
    layout=False,
    kinks=False,  # PyTorch gives the input the gradient of what was written over, and none of the rest
)
row("_div_", [], because="writes into its first argument; its rules are those of div")
