"""Operations that rearrange elements: views where PyTorch has views, copies where it copies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function, raise_broadcast_error, shares_memory
from .._core.registry import NUMPY, composite
from .._dtypes import as_dtype, scalar_name
from ._common import as_int, is_writeable, normal_dim, normal_dims


class Reshape(Function):
    """The same elements in another shape: a view where the memory allows it, else a copy; one size may be -1.

    See https://docs.pytorch.org/docs/stable/generated/torch.reshape.html

    >>> import tapeless as tl
    >>> tl.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """

    names = "reshape"
    numpy = np.reshape
    view = True
    packs = 1

    def forward(self, input: Any, shape: Any) -> Any:
        self.shape_in = input.shape
        return input.reshape(_full_shape(shape, input.shape))

    def grad_input(self, g):
        return g.reshape(self.shape_in)


class ViewAs(Reshape):
    """`view`: as `reshape`, but never a copy; public as the method `view`."""

    names = ""

    def forward(self, input: Any, shape: Any) -> Any:
        self.shape_in = input.shape
        out = input.reshape(_full_shape(shape, input.shape, "view"))
        if hasattr(out, "base") and not shares_memory(out, input):
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans "
                "across two contiguous subspaces). Use .reshape(...) instead."
            )
        return out

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "ViewBackward0"


def _full_shape(shape: Any, old: tuple[int, ...], what: str = "reshape") -> tuple[int, ...]:
    """Replace -1 in `shape` by what is left, or refuse a shape that holds another number of elements."""
    sizes = tuple(as_int(n) for n in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    count, known = math.prod(old), math.prod(n for n in sizes if n != -1)
    if sizes.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(n < -1 for n in sizes):
        raise RuntimeError(f"invalid shape dimension {next(n for n in sizes if n < -1)}")
    if -1 in sizes and known and count % known == 0:
        return tuple(count // known if n == -1 else n for n in sizes)
    if -1 in sizes and not known:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    if known != count or -1 in sizes:
        raise RuntimeError(
            f"shape '{list(sizes)}' is invalid for input of size {count}\n"
            f"The tensor to {what} has shape {list(old)}, {count} elements; the new shape asks for {known}."
        )
    return sizes


@composite("view", methods="view")
def view(input: Any, *shape: Any, dtype: Any = None) -> Any:
    """Return a view of the same elements in another shape; raises RuntimeError where that needs a copy.

    >>> import tapeless as tl
    >>> tl.arange(4).view(2, 2).shape
    torch.Size([2, 2])
    """
    if dtype is None and len(shape) == 1 and not isinstance(shape[0], (tuple, list, int, np.integer)):
        dtype = shape[0]
    if dtype is not None:
        return ViewDtype.apply(input, dtype)
    return ViewAs.apply(input, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)


class ViewDtype(Function):
    """The same bytes read as another dtype; public as ``view(dtype)``."""

    view = True

    def forward(self, input: Any, dtype: Any) -> Any:
        return input.view(as_dtype(dtype))


@composite("view_as")
def view_as(input: Any, other: Any) -> Any:
    """Return `input` viewed in the shape of `other`.

    >>> import tapeless as tl
    >>> tl.arange(4).view_as(tl.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return ViewAs.apply(input, tuple(other.shape))


@composite("reshape_as")
def reshape_as(input: Any, other: Any) -> Any:
    """Return `input` in the shape of `other`.

    >>> import tapeless as tl
    >>> tl.arange(4).reshape_as(tl.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return Reshape.apply(input, tuple(other.shape))


@composite("flatten")
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Return `input` with the dims from `start_dim` to `end_dim` made one.

    >>> import tapeless as tl
    >>> tl.flatten(tl.zeros(2, 3, 4), 1).shape
    torch.Size([2, 12])
    """
    if input.ndim == 0:
        normal_dims((start_dim,), 0), normal_dims((end_dim,), 0)
        return input.reshape(1)
    start, end = normal_dim(start_dim, input.ndim), normal_dim(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    shape = tuple(input.shape)
    return Reshape.apply(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@composite("unflatten")
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """Return `input` with `dim` split into `sizes`, of which one may be -1.

    >>> import tapeless as tl
    >>> tl.unflatten(tl.zeros(2, 12), 1, (3, -1)).shape
    torch.Size([2, 3, 4])
    """
    dim = normal_dim(dim, input.ndim)
    shape = tuple(input.shape)
    try:
        inner = _full_shape(tuple(sizes), (shape[dim],), "unflatten")
    except RuntimeError as error:
        if "is invalid for input" not in str(error):
            raise
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({shape[dim]}) in "
            "the input tensor"
        ) from None
    return Reshape.apply(input, (*shape[:dim], *inner, *shape[dim + 1 :]))


@composite("ravel", numpy=np.ravel)
def ravel(input: Any) -> Any:
    """Return `input` flattened to one dim.

    >>> import tapeless as tl
    >>> tl.ravel(tl.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return input.reshape(-1)


class Permute(Function):
    """A view with the dims in another order.

    >>> import tapeless as tl
    >>> tl.permute(tl.zeros(2, 3, 4), (2, 0, 1)).shape
    torch.Size([4, 2, 3])
    """

    names = "permute"
    view = True
    packs = 1

    def forward(self, input: Any, dims: Any) -> Any:
        if len(dims) != input.ndim:
            raise RuntimeError(
                f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
                f"desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = "
                f"{len(dims)}"
            )
        self.dims = tuple([normal_dim(d, input.ndim) for d in dims])
        if len(set(self.dims)) != len(self.dims):
            raise RuntimeError(f"permute(): duplicate dims are not allowed.\nThe dims are {list(dims)}.")
        return np.transpose(input, self.dims)

    def grad_input(self, g):
        inverse = tuple(sorted(range(len(self.dims)), key=self.dims.__getitem__))
        return np.transpose(g, inverse)


def _numpy_transpose(a: Any, axes: Any = None) -> Any:
    return Permute.apply(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


NUMPY[np.transpose] = _numpy_transpose


class Transpose(Function):
    """A view with two dims swapped.

    >>> import tapeless as tl
    >>> tl.transpose(tl.zeros(2, 3, 4), 0, 2).shape
    torch.Size([4, 3, 2])
    """

    names = "transpose swapaxes swapdims"
    numpy = np.swapaxes
    view = True
    inplace = False

    def forward(self, input: Any, dim0: int, dim1: int) -> Any:
        self.dims = normal_dim(dim0, input.ndim), normal_dim(dim1, input.ndim)
        return input.swapaxes(*self.dims) if input.ndim else input[...]

    def grad_input(self, g):
        return g.swapaxes(*self.dims) if len(g.shape) else g


class T(Function):
    """A view of a matrix with rows and columns swapped; vectors and scalars stay as they are.

    >>> import tapeless as tl
    >>> tl.t(tl.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """

    names = "t"
    view = True

    def forward(self, input: Any) -> Any:
        if input.ndim > 2:
            raise RuntimeError(
                f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D\nUse x.mT or x.transpose(a, b)."
            )
        return input.T

    def grad_input(self, g):
        return np.transpose(g)


@composite("movedim moveaxis", numpy=np.moveaxis)
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Return a view with the dims `source` at the places `destination`, the others in their order.

    >>> import tapeless as tl
    >>> tl.movedim(tl.zeros(2, 3, 4), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    sources = normal_dims(source, input.ndim)
    targets = normal_dims(destination, input.ndim)
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(sources)} dims) should contain the same "
            f"number of dims as destination ({list(targets)} dims)"
        )
    order = [d for d in range(input.ndim) if d not in sources]
    for target, dim in sorted(zip(targets, sources, strict=True)):
        order.insert(target, dim)
    return Permute.apply(input, tuple(order))


class Squeeze(Function):
    """A view without the dims of size 1 (all of them, or those among `dim`).

    >>> import tapeless as tl
    >>> tl.squeeze(tl.zeros(1, 3, 1)).shape
    torch.Size([3])
    >>> tl.squeeze(tl.zeros(1, 3, 1), 0).shape
    torch.Size([3, 1])
    """

    names = "squeeze"
    numpy = np.squeeze
    view = True

    def forward(self, input: Any, dim: Any = None) -> Any:
        axes = normal_dims(dim, input.ndim) if dim is None or dim != () else ()
        self.shape_in = input.shape
        return input.squeeze(tuple(i for i in axes if input.ndim and input.shape[i] == 1))

    def grad_input(self, g):
        return g.reshape(self.shape_in)


class Unsqueeze(Function):
    """A view with a dim of size 1 put in at `dim`.

    >>> import tapeless as tl
    >>> tl.unsqueeze(tl.tensor([1, 2]), 1)
    tensor([[1],
            [2]])
    """

    names = "unsqueeze"
    view = True

    def forward(self, input: Any, dim: int) -> Any:
        self.dim = normal_dim(dim, input.ndim + 1)
        return input[(slice(None),) * self.dim + (None,)]

    def grad_input(self, g):
        return g.squeeze(self.dim)


def _numpy_expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = a.ndim + len(axes)
    for dim in sorted(normal_dim(d, ndim) for d in axes):
        a = Unsqueeze.apply(a, dim)
    return a


NUMPY[np.expand_dims] = _numpy_expand_dims


class Expand(Function):
    """A view that repeats dims of size 1 without copying; -1 keeps a size.

    >>> import tapeless as tl
    >>> tl.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """

    names = "expand"
    view = True
    packs = 1

    def forward(self, input: Any, shape: Any) -> Any:
        added = len(shape) - input.ndim
        if added < 0:
            raise RuntimeError(
                f"expand(torch.{scalar_name(input.dtype)}Tensor{{{list(input.shape)}}}, size={list(shape)}): the "
                f"number of sizes provided ({len(shape)}) must "
                f"be greater or equal to the number of dimensions in the tensor ({input.ndim})"
            )
        sizes = tuple(
            (input.shape[i - added] if i >= added else n) if n == -1 else as_int(n) for i, n in enumerate(shape)
        )
        if min(sizes, default=0) < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({min(sizes)}) isn't allowed in a leading, non-existing dimension "
                f"{sizes.index(min(sizes))}"
            )
        for i, n in reversed(list(enumerate(input.shape))):
            if n != 1 and n != sizes[i + added]:
                raise RuntimeError(
                    f"The expanded size of the tensor ({sizes[i + added]}) must match the existing size ({n}) at "
                    f"non-singleton dimension {i + added}.  Target sizes: {list(sizes)}.  "
                    f"Tensor sizes: {list(input.shape)}"
                )
        out = np.broadcast_to(input, sizes)
        if is_writeable(input):  # NumPy hands it out read-only; whether a write is allowed is decided in `inplace`
            out.flags.writeable = True
        return out

    def grad_input(self, g):
        return g  # the engine sums over what was repeated


@composite("broadcast_to", numpy=np.broadcast_to)
def broadcast_to(input: Any, shape: Any) -> Any:
    """Return a view of `input` broadcast to `shape`.

    >>> import tapeless as tl
    >>> tl.broadcast_to(tl.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return Expand.apply(input, tuple(shape))


@composite("expand_as")
def expand_as(input: Any, other: Any) -> Any:
    """Return a view of `input` broadcast to the shape of `other`.

    >>> import tapeless as tl
    >>> tl.tensor([[1], [2]]).expand_as(tl.zeros(2, 3))
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    return Expand.apply(input, tuple(other.shape))


class Repeat(Function):
    """A copy repeated along each dim, as often as the sizes say.

    >>> import tapeless as tl
    >>> tl.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """

    names = "repeat"
    packs = 1

    def forward(self, input: Any, repeats: Any) -> Any:
        if len(repeats) < input.ndim:
            raise RuntimeError(
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
                f"got {len(repeats)} repeats for shape {list(input.shape)}"
            )
        self.repeats = tuple(as_int(n) for n in repeats)
        self.shape_in = (1,) * (len(repeats) - input.ndim) + input.shape
        return np.tile(input, self.repeats) if input.size else np.tile(input, self.repeats).copy()

    def grad_input(self, g):
        pairs = [n for pair in zip(self.repeats, self.shape_in, strict=True) for n in pair]
        # Each dim as (repeat, size): the repeats are summed; the engine drops the leading ones.
        return g.reshape(tuple(pairs)).sum(axis=tuple(range(0, len(pairs), 2)))


@composite("tile", numpy=np.tile)
def tile(input: Any, *dims: Any) -> Any:
    """Return a copy repeated `dims` times along the last dims.

    >>> import tapeless as tl
    >>> tl.tile(tl.tensor([1, 2]), (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    sizes = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    return Repeat.apply(input, (1,) * (input.ndim - len(sizes)) + tuple(sizes))


class Flip(Function):
    """A copy with the order of elements reversed along the dims.

    >>> import tapeless as tl
    >>> tl.flip(tl.tensor([[1, 2], [3, 4]]), [0])
    tensor([[3, 4],
            [1, 2]])
    """

    names = "flip"
    numpy = np.flip
    packs = 1

    def forward(self, input: Any, dims: Any) -> Any:
        self.dims = normal_dims(dims, input.ndim) if len(dims) else ()
        return np.flip(input, self.dims).copy()

    def grad_input(self, g):
        return np.flip(g, self.dims)


NUMPY[np.flip] = lambda m, axis=None: Flip.apply(
    m, tuple(range(m.ndim)) if axis is None else (axis if isinstance(axis, (tuple, list)) else (axis,))
)


class Roll(Function):
    """A copy with elements shifted along dims; what falls off one end enters at the other.

    >>> import tapeless as tl
    >>> tl.roll(tl.arange(5), 2)
    tensor([3, 4, 0, 1, 2])
    """

    names = "roll"
    numpy = np.roll

    def forward(self, input: Any, shifts: Any, dims: Any = None) -> Any:
        moves = shifts if isinstance(shifts, (tuple, list)) else (shifts,)
        if not moves:
            raise RuntimeError("`shifts` required")
        count = 0 if dims is None else len(dims) if isinstance(dims, (tuple, list)) else 1
        if count == 0 and dims is not None:
            dims = None
        if len(moves) != max(count, 1):
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(moves)}, dims:{count}")
        if dims is not None and input.ndim == 0:
            raise IndexError(f"Dimension specified as {dims} but tensor has no dimensions")
        self.shifts, self.dims = shifts, None if dims is None else normal_dims(dims, input.ndim)
        return np.roll(input, shifts, self.dims)

    def grad_input(self, g):
        back = tuple(-s for s in self.shifts) if isinstance(self.shifts, (tuple, list)) else -self.shifts
        return np.roll(g, back, self.dims)


@composite("fliplr", numpy=np.fliplr)
def fliplr(input: Any) -> Any:
    """Return a copy with the order of columns (dim 1) reversed.

    >>> import tapeless as tl
    >>> tl.fliplr(tl.tensor([[1, 2]]))
    tensor([[2, 1]])
    """
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return Flip.apply(input, (1,))


@composite("flipud", numpy=np.flipud)
def flipud(input: Any) -> Any:
    """Return a copy with the order of rows (dim 0) reversed.

    >>> import tapeless as tl
    >>> tl.flipud(tl.tensor([1, 2]))
    tensor([2, 1])
    """
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return Flip.apply(input, (0,))


@composite("rot90", numpy=np.rot90)
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Return a copy turned by `k` quarters, from the first of two dims towards the second.

    >>> import tapeless as tl
    >>> tl.rot90(tl.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == input.ndim:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    for which, d in enumerate(dims):
        if not -input.ndim <= d < input.ndim:
            raise RuntimeError(f"Rotation dim{which} out of range, dim{which} = {d}")
    first, second = (d % input.ndim for d in dims)
    turns = k % 4
    if turns == 0:
        return input.clone()
    if turns == 2:
        return Flip.apply(input, (first, second))
    if turns == 1:
        return Flip.apply(input, (second,)).transpose(first, second).clone()
    return Flip.apply(input.transpose(first, second), (second,))


@composite("sum_to_size")
def sum_to_size(input: Any, *size: Any) -> Any:
    """Return `input` summed over the dims that broadcasting from `size` would have stretched.

    >>> import tapeless as tl
    >>> tl.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    wanted = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else tuple(size)
    if not wanted:
        return input.sum()
    shape = tuple(input.shape)
    added = len(shape) - len(wanted)
    if added < 0 or any(n not in (1, shape[i + added]) for i, n in enumerate(wanted)):
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(shape)}}}.")
    dims = [i for i in range(len(shape)) if i < added or (wanted[i - added] == 1 and shape[i] != 1)]
    return (input.sum(tuple(dims), True) if dims else input).reshape(wanted) if dims else input


@composite("broadcast_tensors", methods="")
def broadcast_tensors(*tensors: Any) -> Any:
    """Return views of the tensors, all in the shape that they broadcast to.

    >>> import tapeless as tl
    >>> [t.shape for t in tl.broadcast_tensors(tl.ones(2, 1), tl.ones(3))]
    [torch.Size([2, 3]), torch.Size([2, 3])]
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    try:
        shape = np.broadcast_shapes(*[tuple(t.shape) for t in tensors])
    except ValueError as error:
        raise_broadcast_error(error, tensors)
        raise
    return tuple(Expand.apply(t, shape) for t in tensors)


@composite("adjoint")
def adjoint(input: Any) -> Any:
    """Return the conjugate transpose of each matrix.

    >>> import tapeless as tl
    >>> tl.adjoint(tl.tensor([[1j]]))
    tensor([[0.-1.j]])
    """
    return input.transpose(-2, -1).conj()
