"""Operations that rearrange elements: views where PyTorch has views, copies where it copies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function, raise_broadcast_error
from .._core.registry import NUMPY, composite
from .._dtypes import as_dtype, result_dtype, scalar_name
from .._kernels.indexing import place
from ._common import as_int, check_has_dims, normal_dim, normal_dims


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
        if out.base is None or (out.base is not input and out.base is not input.base):
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
    """Return `input` viewed in the shape of `other`."""
    return ViewAs.apply(input, tuple(other.shape))


@composite("reshape_as")
def reshape_as(input: Any, other: Any) -> Any:
    """Return `input` in the shape of `other`."""
    return Reshape.apply(input, tuple(other.shape))


@composite("flatten")
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Return `input` with the dims from `start_dim` to `end_dim` made one."""
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
    """Return `input` with `dim` split into `sizes`, of which one may be -1."""
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
    """Return `input` flattened to one dim."""
    return input.reshape(-1)


class Permute(Function):
    """A view with the dims in another order."""

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
    """A view with two dims swapped."""

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
    """A view of a matrix with rows and columns swapped; vectors and scalars stay as they are."""

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
    """Return a view with the dims `source` at the places `destination`, the others in their order."""
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
    """A view without the dims of size 1 (all of them, or those among `dim`)."""

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
    """A view with a dim of size 1 put in at `dim`."""

    names = "unsqueeze"
    view = True

    def forward(self, input: Any, dim: int) -> Any:
        self.dim = normal_dim(dim, input.ndim + 1)
        return np.expand_dims(input, self.dim)

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
    """A view that repeats dims of size 1 without copying; -1 keeps a size."""

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
        if input.flags.writeable:  # NumPy hands it out read-only; whether a write is allowed is decided in `inplace`
            out.flags.writeable = True
        return out

    def grad_input(self, g):
        return g  # the engine sums over what was repeated


@composite("broadcast_to", numpy=np.broadcast_to)
def broadcast_to(input: Any, shape: Any) -> Any:
    """Return a view of `input` broadcast to `shape`."""
    return Expand.apply(input, tuple(shape))


@composite("expand_as")
def expand_as(input: Any, other: Any) -> Any:
    """Return a view of `input` broadcast to the shape of `other`."""
    return Expand.apply(input, tuple(other.shape))


class Repeat(Function):
    """A copy repeated along each dim, as often as the sizes say."""

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
    """Return a copy repeated `dims` times along the last dims."""
    sizes = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    return Repeat.apply(input, (1,) * (input.ndim - len(sizes)) + tuple(sizes))


class Flip(Function):
    """A copy with the order of elements reversed along the dims."""

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
    """A copy with elements shifted along dims; what falls off one end enters at the other."""

    names = "roll"
    numpy = np.roll

    def forward(self, input: Any, shifts: Any, dims: Any = None) -> Any:
        if dims is not None and input.ndim == 0:
            raise IndexError(f"Dimension specified as {dims} but tensor has no dimensions")
        self.shifts, self.dims = shifts, None if dims is None else normal_dims(dims, input.ndim)
        return np.roll(input, shifts, self.dims)

    def grad_input(self, g):
        back = tuple(-s for s in self.shifts) if isinstance(self.shifts, (tuple, list)) else -self.shifts
        return np.roll(g, back, self.dims)


class Cat(Function):
    """Tensors joined along an existing dim.

    >>> import tapeless as tl
    >>> tl.cat([tl.zeros(1), tl.ones(2)])
    tensor([0., 1., 1.])
    """

    names = "cat concat concatenate"
    methods = ""
    variadic = True

    def forward(self, *tensors: Any, dim: int = 0) -> Any:
        if not tensors:
            raise RuntimeError("torch.cat(): expected a non-empty list of Tensors")
        # PyTorch skips legacy empty tensors of shape (0,), whatever the others' number of dims.
        real = [t for t in tensors if t.shape != (0,)] or list(tensors[:1])
        if real[0].ndim == 0:
            raise RuntimeError(
                "zero-dimensional tensor (at position 0) cannot be concatenated\nUse stack, which adds a dim."
            )
        self.dim = normal_dim(dim, real[0].ndim)
        for i, t in enumerate(real):
            if t.ndim != real[0].ndim:
                raise RuntimeError(
                    f"Tensors must have same number of dimensions: got {real[0].ndim} and {t.ndim}\n"
                    f"Tensor {i} is the first of another number."
                )
            for d, (a, b) in enumerate(zip(real[0].shape, t.shape, strict=True)):
                if a != b and d != self.dim:
                    raise RuntimeError(
                        f"Sizes of tensors must match except in dimension {self.dim}. Expected size {a} but got size "
                        f"{b} for tensor number {i} in the list.\nThe shapes are {[list(t.shape) for t in tensors]}."
                    )
        dtype = result_dtype(*tensors)
        self.sizes = [t.shape[self.dim] if t.shape != (0,) else 0 for t in tensors]
        self.empty = [t.shape == (0,) and real[0].ndim != 1 for t in tensors]
        return np.concatenate([t.astype(dtype, copy=False) for t in real], axis=self.dim)

    def backward(self, g):
        head, grads, start = (slice(None),) * self.dim, [], 0
        for size, empty in zip(self.sizes, self.empty, strict=True):
            grads.append(g.reshape((-1,))[:0] if empty else g[(*head, slice(start, start + size))])
            start += size
        return [grads[i] for i in self.plan.positions]


class Stack(Function):
    """Tensors of one shape joined along a new dim."""

    names = "stack"
    methods = ""
    variadic = True

    def forward(self, *tensors: Any, dim: int = 0) -> Any:
        if not tensors:
            raise RuntimeError("stack expects a non-empty TensorList")
        for i, t in enumerate(tensors):
            if t.shape != tensors[0].shape:
                raise RuntimeError(
                    f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                    f"{list(t.shape)} at entry {i}"
                )
        self.dim = normal_dim(dim, tensors[0].ndim + 1)
        dtype = result_dtype(*tensors)
        return np.stack([t.astype(dtype, copy=False) for t in tensors], axis=self.dim)

    def backward(self, g):
        head = (slice(None),) * self.dim
        return [g[(*head, i)] for i in self.plan.positions]


NUMPY[np.concatenate] = lambda arrays, axis=0: Cat.apply(*arrays, dim=axis)
NUMPY[np.stack] = lambda arrays, axis=0: Stack.apply(*arrays, dim=axis)


class Split(Function):
    """Views of consecutive pieces along `dim`: of a given size (the last may be smaller), or of given sizes."""

    names = "split"
    view = True

    def forward(self, tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
        check_has_dims("split expects at least a 1-dimensional tensor", tensor.ndim)
        self.dim, self.shape_in = normal_dim(dim, tensor.ndim), tensor.shape
        length = tensor.shape[self.dim]
        if isinstance(split_size_or_sections, (tuple, list)):
            sizes = [as_int(n) for n in split_size_or_sections]
            if sum(sizes) != length:
                raise RuntimeError(
                    f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at "
                    f"dimension {self.dim}), but got split_sizes={sizes}"
                )
        else:
            step = as_int(split_size_or_sections)
            if step < 0 or (step == 0 and length):
                raise RuntimeError(
                    f"split_size can only be 0 if dimension size is 0, but got dimension size of {length}"
                )
            sizes = [min(step, length - start) for start in range(0, length, step)] if length else [0]
        ends = np.cumsum(sizes).tolist()
        head = (slice(None),) * self.dim
        return tuple(tensor[(*head, slice(end - n, end))] for n, end in zip(sizes, ends, strict=True))

    def grad_tensor(self, g):
        return np.concatenate(g, self.dim)


@composite("chunk")
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """Return views of (at most) `chunks` pieces of equal size along `dim`; the last may be smaller."""
    check_has_dims("chunk expects at least a 1-dimensional tensor", input.ndim)
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[normal_dim(dim, input.ndim)]
    return Split.apply(input, max(-(-length // chunks), 1) if length else [0] * chunks, dim)


class Unbind(Function):
    """Views of the slices along `dim`, one for each index."""

    names = "unbind"
    view = True

    def forward(self, input: Any, dim: int = 0) -> Any:
        if input.ndim == 0:
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        self.dim = normal_dim(dim, input.ndim)
        head = (slice(None),) * self.dim
        return tuple(input[(*head, i, ...)] for i in range(input.shape[self.dim]))

    def grad_input(self, g):
        return np.stack(g, self.dim)


def check_matrix(name: str, input: Any) -> None:
    """Refuse what has fewer than two dims; NumPy would make a matrix of a vector."""
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions\nIts shape is {list(input.shape)}.")


class Tril(Function):
    """The lower triangle of the last two dims, the rest zero."""

    names = "tril"
    inplace = True
    numpy = np.tril

    def forward(self, input: Any, diagonal: int = 0) -> Any:
        check_matrix("tril", input)
        self.diagonal = diagonal
        return np.tril(input, diagonal)

    def grad_input(self, g):
        return np.tril(g, self.diagonal)


class Triu(Function):
    """The upper triangle of the last two dims, the rest zero."""

    names = "triu"
    inplace = True
    numpy = np.triu

    def forward(self, input: Any, diagonal: int = 0) -> Any:
        check_matrix("triu", input)
        self.diagonal = diagonal
        return np.triu(input, diagonal)

    def grad_input(self, g):
        return np.triu(g, self.diagonal)


class Diagonal(Function):
    """A view of a diagonal of two dims, as the last dim of the result."""

    names = "diagonal"
    view = True

    def forward(self, input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
        self.offset, self.shape_in = offset, input.shape
        self.dims = normal_dim(dim1, input.ndim), normal_dim(dim2, input.ndim)
        if self.dims[0] == self.dims[1]:
            raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
        out = np.diagonal(input, offset, *self.dims)
        if input.flags.writeable:  # NumPy hands out diagonals read-only; they are plain views
            out.flags.writeable = True
        return out

    def grad_input(self, g):
        a, b = self.dims
        rest = tuple(n for i, n in enumerate(self.shape_in) if i not in (a, b))
        rows, columns = self.shape_in[a], self.shape_in[b]
        out = np.moveaxis(g, -1, 0)
        start = (max(-self.offset, 0), max(self.offset, 0))
        index = np.arange(out.shape[0])
        from_zero = place(out, (index + start[0], index + start[1]), (rows, columns, *rest))
        return np.moveaxis(from_zero, (0, 1), (a, b))


@composite("diag")
def diag(input: Any, diagonal: int = 0) -> Any:
    """Return the diagonal of a matrix (a copy), or the matrix with a vector on its diagonal."""
    if input.ndim == 1:
        return DiagEmbed.apply(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return Diagonal.apply(input, diagonal).clone()


class DiagEmbed(Function):
    """Matrices, in the dims `dim1` and `dim2` of the result, with the last dim of the input on a diagonal."""

    names = "diag_embed"

    def forward(self, input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
        if input.ndim == 0:
            raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got -2)")
        self.offset, self.dims = offset, (normal_dim(dim1, input.ndim + 1), normal_dim(dim2, input.ndim + 1))
        if self.dims[0] == self.dims[1]:
            raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
        n = input.shape[-1] + abs(offset)
        out = np.zeros((*input.shape[:-1], n, n), input.dtype)
        index = np.arange(input.shape[-1])
        out[..., index + max(-offset, 0), index + max(offset, 0)] = input
        return np.moveaxis(out, (-2, -1), self.dims)

    def grad_input(self, g):
        g = np.moveaxis(g, self.dims, (-2, -1))
        index = np.arange(g.shape[-1] - abs(self.offset))
        return g[..., index + max(-self.offset, 0), index + max(self.offset, 0)]


class Clone(Function):
    """A copy in memory of its own; gradients pass through."""

    names = "clone"
    numpy = np.copy

    def forward(self, input: Any, *, memory_format: Any = None, order: Any = None) -> Any:
        return input.copy("K")

    def grad_input(self, g):
        return g


class ToCopy(Function):
    """A copy in another dtype; public through `to`, `float`, `long` and so on."""

    names = "_to_copy"
    methods = ""

    def forward(self, input: Any, dtype: Any) -> Any:
        return input.astype(dtype)

    def grad_input(self, g):
        return g  # the engine converts it back

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "ToCopyBackward0"


class Copy(Function):
    """`copy_`: every element replaced by the (broadcast, converted) source."""

    def forward(self, input: Any, src: Any) -> Any:
        src = np.asarray(src)
        if src.shape != input.shape:
            try:
                return np.broadcast_to(src, input.shape)
            except ValueError as error:
                raise_broadcast_error(error, (input, src))
                raise RuntimeError(
                    f"output with shape {list(input.shape)} doesn't match the broadcast shape "
                    f"{list(np.broadcast_shapes(input.shape, src.shape))}\ncopy_ cannot change the shape of its target."
                ) from None
        return src

    def grad_input(self, g):
        return g * 0

    def grad_src(self, g):
        return g


class Contiguous(Function):
    """The tensor itself if its memory is in C order, else a copy that is."""

    def forward(self, input: Any) -> Any:
        return input.copy("C")

    def grad_input(self, g):
        return g

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "CloneBackward0"


@composite("meshgrid", methods="")
def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    """Return the coordinate grids of 1-D tensors; `indexing` is "ij" (matrix) or "xy" (Cartesian)."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    swap = indexing == "xy" and len(tensors) > 1
    order = (tensors[1], tensors[0], *tensors[2:]) if swap else tensors
    sizes = tuple(t.numel() for t in order)
    grids = [
        t.reshape((1,) * i + (-1,) + (1,) * (len(order) - 1 - i)).expand(sizes) for i, t in enumerate(order)
    ]
    if swap:
        grids = [grids[1], grids[0], *grids[2:]]
    return tuple(grids)
