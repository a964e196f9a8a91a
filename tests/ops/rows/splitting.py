"""Splitting, stacking, and the moves of `shape` and `rearrange` that the first table left out."""

from __future__ import annotations

import numpy as np

from tests.ops.table import call, f, ints, row

SIZES = [call(f(5, 2), [2, 3]), call(f(2, 4), [1, 0, 3], 1), call(f(0, 2), [0]), call(f(4), split_sizes=[4], dim=-1)]
COUNTS = [call(f(5, 2), 2), call(f(2, 5), 3, dim=1), call(f(4), 5), call(f(0, 2), 1)]
for name in ("split_with_sizes", "unsafe_split_with_sizes"):
    row(name, SIZES, lambda x, split_sizes, dim=0: np.split(x, np.cumsum(split_sizes)[:-1], dim))
row("unsafe_split", COUNTS)
row("unsafe_chunk", COUNTS)


def array_split(x, where, dim=0):
    """Split as PyTorch does: by a number, by places."""
    return np.array_split(x, list(where) if isinstance(where, tuple) else where, dim)


row(
    "tensor_split",
    [
        call(f(5, 2), 2),
        call(f(2, 5), 3, 1),
        call(f(2, 5), (1, 3), dim=-1),
        call(f(4), (3, 1)),
        call(f(4), [-1]),
        call(f(2), 4),
        call(f(0, 2), 2),
        call(f(4), np.array([1, 2])),
        call(f(4), np.array(2)),
    ],
    lambda x, where, dim=0: array_split(x, where.tolist() if isinstance(where, np.ndarray) else where, dim),
)
row("hsplit", [call(f(2, 4), 2), call(f(4), [1, 3]), call(f(2, 4, 2), (1,)), call(f(0), 1)], np.hsplit)
row("vsplit", [call(f(4, 2), 2), call(f(3, 2), [1]), call(f(0, 2), 1)], np.vsplit)
row("dsplit", [call(f(2, 1, 4), 2), call(f(1, 2, 3), [1]), call(f(1, 0, 2), 1)], np.dsplit)

EACH = [call(f()), call(f(3)), call(f(2, 3)), call(f(2, 1, 2)), call(f(0)), call(f(2), f()), call((f(), f(2, 2)))]


def each(function):
    """Apply a function to one array, to several, or to those in a tuple."""
    return lambda *xs: function(*(xs[0] if isinstance(xs[0], tuple) else xs))


row("atleast_1d", EACH, each(np.atleast_1d))
row("atleast_2d", EACH, each(np.atleast_2d))
row("atleast_3d", EACH, each(np.atleast_3d))
STACKED = [call((f(3), f(3))), call([f(2, 2), f(2, 2)]), call([f(), f()]), call([f(1, 2, 2), f(1, 2, 2)]), call([f(2)])]
row("hstack", [*STACKED, call([f(2), f(1)]), call([f(2, 1), f(2, 2)])], np.hstack)
row("vstack", [*STACKED, call([f(2), f(1, 2)])], np.vstack)
row("dstack", [*STACKED, call([f(2, 1), f(2, 1, 3)])], np.dstack)
row("column_stack", [*STACKED, call([f(2), f(2, 2)])], lambda xs: np.column_stack([np.atleast_1d(x) for x in xs]))
row("block_diag", [call(f(2, 1), f(1, 3)), call(f(2), f(), f(1, 1)), call(f(0, 2), f(2, 0)), call(f(2, 2))])
row(
    "cartesian_prod",
    [call(f(2), f(3)), call(f(2), f(1), f(2)), call(f(3)), call(f(2), f(0))],
    lambda *xs: np.stack(np.meshgrid(*xs, indexing="ij"), -1).reshape(-1, len(xs)) if len(xs) > 1 else xs[0],
)

# -- Moves -----------------------------------------------------------------------------------------------

row("fliplr", [call(f(2, 3)), call(f(2, 3, 2)), call(f(0, 2))], np.fliplr)
row("flipud", [call(f(2, 3)), call(f(3)), call(f(0, 2))], np.flipud)
row("rot90", [call(f(2, 3)), call(f(2, 3), 2), call(f(2, 3), -1, (1, 0)), call(f(2, 3, 2), 3, [0, 2])], np.rot90)
row(
    "sum_to_size",
    [call(f(2, 3), 1, 3), call(f(2, 3), (3,)), call(f(2, 3), 2, 1), call(f(4), 4), call(f(2, 3, 2), (3, 1))],
    torch="Tensor.sum_to_size",
)
row(
    "broadcast_tensors",
    [call(f(2, 1), f(3)), call(f(), f(2)), call(f(2, 3)), call(f(0, 1), f(1), f())],
    lambda *xs: list(np.broadcast_arrays(*xs)),
)
ADJOINTS = [call(f(2, 3)), call(f(2, 1, 3)), call(f(0, 2))]
row("adjoint", ADJOINTS, lambda x: np.swapaxes(x, -1, -2), torch="Tensor.adjoint")
row("diagflat", [call(f(3)), call(f(2, 2)), call(f(2), 1), call(f(2), -1), call(f())], np.diagflat)
row("nn.functional.pixel_shuffle", [call(f(1, 4, 2, 3), 2), call(f(4, 1, 2), 2), call(f(2, 1, 9, 1, 1), 3)])
row("nn.functional.pixel_unshuffle", [call(f(1, 1, 4, 6), 2), call(f(2, 2, 2), 2), call(f(1, 2, 3, 3), 3)])
row("nn.functional.channel_shuffle", [call(f(1, 6, 2), 2), call(f(2, 4, 1, 2), 4), call(f(1, 6, 2), 3)])
row("fill", [call(f(2, 3), 1.5), call(f(2), f()), call(f(), 2.0), call(f(0), 0)], lambda x, v: np.full(x.shape, v))

# -- Copies of views -------------------------------------------------------------------------------------

row("alias_copy", [call(f(2, 3)), call(f()), call(f(0))], np.copy)
row("as_strided_copy", [call(f(6), (2, 2), (3, 1)), call(f(2, 3), (3, 2), (1, 1)), call(f(4), (), (), 2)], layout=False)
row("diagonal_copy", [call(f(3, 4)), call(f(2, 3, 3), 1, 1, 2), call(f(2, 3), -1)], np.diagonal)
row("expand_copy", [call(f(3, 1), (3, 4)), call(f(3), (2, -1)), call(f(), (2,))])
row("narrow_copy", [call(f(4, 3), 0, 1, 2), call(f(4, 3), -1, 0, 1), call(f(4), 0, 4, 0)])
row("permute_copy", [call(f(2, 3, 4), (2, 0, 1)), call(f(2, 3), (1, 0))], np.transpose)
row("select_copy", [call(f(4, 3), 0, 1), call(f(4, 3), -1, -2)])
row("squeeze_copy", [call(f(1, 2, 1)), call(f(1, 2), 0), call(f(1, 2, 1), (0, 2))], np.squeeze)
row("t_copy", [call(f(2, 3)), call(f(3))], np.transpose)
row("transpose_copy", [call(f(2, 3, 4), 0, 2), call(f(2, 3), -1, 0)], np.swapaxes)
row("unfold_copy", [call(f(5), 0, 2, 1), call(f(2, 5), 1, 3, 2)])
row("unsqueeze_copy", [call(f(2, 3), 0), call(f(2, 3), -1), call(f(), 0)], np.expand_dims)
row("view_copy", [call(f(2, 3), (3, 2)), call(f(4), (-1, 2)), call(f(0, 3), (3, 0))], np.reshape)
row("split_copy", [call(f(5, 2), 2), call(f(2, 5), 3, dim=1)])
row("split_with_sizes_copy", [call(f(5, 2), [2, 3]), call(f(2, 4), [1, 3], 1)])
row("unbind_copy", [call(f(3, 2)), call(f(3, 2), 1)], lambda x, dim=0: list(np.moveaxis(x, dim, 0)))

row(
    "repeat_interleave",
    [
        call(f(3), 2),
        call(f(2, 3), 2, 1),
        call(f(2, 3), 2),
        call(f(2, 3), ints(3, high=4), dim=1),
        call(f(), 3),
        call(f(2), 0),
        call(f(3), np.array([1, 0, 2]), output_size=3),
        call(np.array([2, 0, 1])),
    ],
    lambda x, repeats=None, dim=None, output_size=None: None if repeats is None else np.repeat(x, repeats, dim),
)
