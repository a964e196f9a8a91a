"""Reading and writing by position: ``x[...]``, gather and scatter, picking along a dim."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import check_apart, composite, store
from .._core.tensor_base import is_tensor, unwrap, wrap
from .._dtypes import bool_, int64, scalar_name
from .._kernels.indexing import along, is_basic, place, scatter_add
from ._common import as_array, check_has_dims, normal_dim
from .arithmetic import scaled


def plain_index(index: Any) -> Any:
    """Return an index of tensors, lists, slices and numbers as NumPy reads it the way PyTorch does."""
    if isinstance(index, tuple):
        return tuple(_plain_item(item) for item in index)
    return _plain_item(index)


def _plain_item(item: Any) -> Any:
    if is_tensor(item):
        item = item._array
    if isinstance(item, slice):
        step = None if item.step is None else operator.index(item.step)
        if step is not None and step <= 0:
            raise ValueError("step must be greater than zero. Use x.flip(dim) to reverse a dim.")
        bounds = [None if x is None else operator.index(x) for x in (item.start, item.stop)]
        return slice(bounds[0], bounds[1], step)
    if isinstance(item, np.ndarray):
        if item.dtype.kind not in "iub":
            raise IndexError(
                "tensors used as indices must be long, int, byte or bool tensors, "
                f"got {item.dtype}; convert it: index.long()"
            )
        if item.ndim == 0 and item.dtype.kind in "iu" and item.dtype != np.uint8:
            return int(item)  # a view, as with a number
        return item.astype(bool) if item.dtype == np.uint8 else item
    if isinstance(item, (list, range)):
        return np.asarray(item, dtype=None if len(item) else int64)
    return item


def split_index(index: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Split an advanced ``x[0, :, positions]`` into ``x[0]`` and the rest: PyTorch takes the numbers first.

    NumPy counts a number among the advanced indices, and moves the result's dims differently.
    """
    plain = [isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_)) for item in index]
    if not any(plain):
        return None, index
    first: list[Any] = []
    rest: list[Any] = []
    for number, item in zip(plain, index, strict=True):
        if number:
            first.append(item)
            continue
        rest.append(item)
        if item is not None:
            mask = isinstance(item, np.ndarray) and item.dtype == bool
            first.extend([Ellipsis] if item is Ellipsis else [slice(None)] * (item.ndim if mask else 1))
    return tuple(first), tuple(rest)


def read(array: Any, index: Any) -> Any:
    """Return ``array[index]``, with PyTorch's errors in place of NumPy's."""
    try:
        return array[index]
    except IndexError as error:
        raise IndexError(_explain_index(array, index, error)) from None


def _explain_index(array: Any, index: Any, error: IndexError) -> str:
    items = index if isinstance(index, tuple) else (index,)
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    if used > array.ndim:
        if array.ndim == 0:
            return (
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
                "convert a 0-dim tensor to a number"
            )
        return f"too many indices for tensor of dimension {array.ndim}\nThe tensor has shape {list(array.shape)}."
    if "boolean index did not match" in str(error):
        masks = [list(i.shape) for i in items if getattr(i, "dtype", None) is bool_]
        return (
            f"The shape of the mask {masks[0]} at index 0 does not match the shape of the indexed tensor "
            f"{list(array.shape)} at index 0"
        )
    if is_basic(index):
        for dim, item in enumerate(items):
            if isinstance(item, (int, np.integer)) and not -array.shape[dim] <= item < array.shape[dim]:
                return f"index {item} is out of bounds for dimension {dim} with size {array.shape[dim]}"
    if "could not be broadcast" in str(error):
        shapes = ", ".join(str(list(np.shape(i))) for i in items if isinstance(i, (np.ndarray, list)))
        return f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
    return str(error).replace("for axis", "for dimension")


class GetItem(Function):
    """``input[index]``: a view for ints, slices, None and ``...``; a copy for lists, masks and index tensors."""

    view = True

    def forward(self, input: Any, index: Any) -> Any:
        self.shape_in = input.shape
        out = read(input, index)
        if type(out) is not np.ndarray and isinstance(out, np.generic):
            out = input[(*index, ...) if isinstance(index, tuple) else (index, ...)]
        return out

    def grad_input(self, g, index):
        return place(g, index, self.shape_in)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of the most usual case."""
        return "SelectBackward0"


class Place(Function):
    """The gradient of indexing: values put into zeros, places named twice get the sum."""

    names = "_place"
    methods = ""
    numpy = place

    def forward(self, values: Any, index: Any, shape: Any) -> Any:
        return place(values, index, shape)

    def grad_values(self, g, index):
        return g[index]


def written(index: Any, shape: Any) -> Any:
    """Return a mask of the places that ``[index]`` names."""
    mask = np.zeros(tuple(shape), bool)
    mask[index] = True
    return mask


class SetItem(Function):
    """``input[index] = value`` of a tensor that is no view's part: writes, and cuts the gradient there."""

    def forward(self, input: Any, value: Any, index: Any) -> Any:
        out = input.copy("K")
        value = as_array(value)
        there = read(out, index)
        # NumPy drops leading dims of size 1 of a value as PyTorch does, and refuses the rest.
        try:
            out[index] = value.astype(out.dtype, copy=False)
        except ValueError:
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result "
                f"of shape {list(np.shape(there))}"
            ) from None
        self.part, self.value_shape = np.shape(there), value.shape
        return out

    def grad_input(self, g, index):
        return np.where(written(index, g.shape), 0, g)

    def grad_value(self, g, index):
        part = g[index]
        extra = len(self.value_shape) - len(self.part)
        return part.reshape((1,) * extra + tuple(self.part)) if extra > 0 else part

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "IndexPutBackward0"


@composite("__getitem__", methods="__getitem__")
def getitem(self: Any, index: Any) -> Any:
    """Return ``self[index]``, with PyTorch's rules for what is a view."""
    index = plain_index(index)
    if type(index) is tuple and np.ndarray in map(type, index):
        first, index = split_index(index)
        self = self if first is None else GetItem.apply(self, first)
    return GetItem.apply(self, index)


@composite("__setitem__", methods="__setitem__")
def setitem(self: Any, index: Any, value: Any) -> None:
    """Write `value` into ``self[index]``; gradients flow to `value` and no longer to what was there."""
    index = plain_index(index)
    if index is Ellipsis or (isinstance(index, slice) and index == slice(None) and self.ndim):
        self.copy_(_fit_value(value, self, index))
        return
    if is_basic(index):
        self[index].copy_(_fit_value(value, self, index))
        return
    if type(index) is tuple:
        first, index = split_index(index)
        self = self if first is None else GetItem.apply(self, first)
    SetItem.apply_inplace(self, value, index)


def _fit_value(value: Any, target: Any, index: Any) -> Any:
    """Broadcast the value of ``x[0] = y``, which may have extra leading dims of size 1, as PyTorch does."""
    if not hasattr(value, "shape"):
        return value
    shape = np.shape(read(target._array, index))
    while len(value.shape) > len(shape) and value.shape[0] == 1:
        value = value[0]
    fits = tuple(value.shape) == shape or not is_tensor(value)
    return value if fits else value.expand(shape)


class Gather(Function):
    """``out[i][j] = input[index[i][j]][j]`` (for dim 0): picks along `dim`.

    See https://docs.pytorch.org/docs/stable/generated/torch.gather.html

    >>> import tapeless as tl
    >>> tl.gather(tl.tensor([[1, 2], [3, 4]]), 1, tl.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """

    names = "gather"
    exact_out = True

    def forward(self, input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
        self.dim, self.shape_in = normal_dim(dim, input.ndim), input.shape
        if index.dtype.kind not in "iu":
            raise RuntimeError(f"gather(): Expected dtype int32/int64 for index, got {index.dtype}")
        if index.size == 0:  # nothing is looked up, whatever the dims
            return np.zeros(index.shape, input.dtype)
        if max(index.ndim, 1) != max(input.ndim, 1):
            raise RuntimeError(
                "Index tensor must have the same number of dimensions as input tensor\n"
                f"gather() was given {index.ndim} and {input.ndim}."
            )
        if input.ndim == 0:
            check_range(index, 1, 0)
            return input.reshape(1)[index.reshape(-1)].reshape(index.shape)
        check_range(index, input.shape[self.dim], self.dim)
        return input[along(index, self.dim)]

    def grad_input(self, g, index):
        if index.size == 0:
            return np.broadcast_to(g.sum(), self.shape_in)  # the sum of nothing, 0
        return scatter_add(g, index, self.dim, self.shape_in) if self.shape_in else g.reshape(())


def check_range(index: Any, size: int, dim: int) -> None:
    """Refuse indices outside of ``[0, size)``; NumPy would count negative ones from the end."""
    if index.size and (index.min() < 0 or index.max() >= size):
        wrong = index[(index < 0) | (index >= size)].reshape(-1)[0]
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {size}")


def check_scatter(input: Any, dim: int, index: Any, src: Any = None) -> None:
    """Refuse an index or a source that does not fit the input."""
    if index.dtype.kind not in "iu" or index.dtype.itemsize < 4:
        raise RuntimeError(f"scatter(): Expected dtype int64 for index\nGot {index.dtype}: use index.long().")
    if src is not None and src.dtype != input.dtype:
        raise RuntimeError(
            f"scatter(): Expected self.dtype to be equal to src.dtype\nThey are {input.dtype} and {src.dtype}."
        )
    if 0 in index.shape:
        return
    for name, other in (("self", input), ("src", src)):
        if other is not None and max(index.ndim, 1) != max(other.ndim, 1):
            raise RuntimeError(f"Index tensor must have the same number of dimensions as {name} tensor")
    for d, n in enumerate(index.shape):
        if (d != dim and input.ndim and n > input.shape[d]) or (src is not None and src.ndim and n > src.shape[d]):
            smaller = "" if src is None else f" and to be no larger than src {list(src.shape)}"
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from "
                f"dimension {dim}{smaller}"
            )


class ScatterAdd(Function):
    """`input` with ``src[i][j]`` added at ``[index[i][j]][j]`` (for dim 0).

    >>> import tapeless as tl
    >>> tl.scatter_add(tl.zeros(3), 0, tl.tensor([0, 2, 0]), tl.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """

    names = "scatter_add"
    inplace = True
    exact_out = True

    def forward(self, input: Any, dim: int, index: Any, src: Any) -> Any:
        self.dim = normal_dim(dim, input.ndim)
        check_scatter(input, self.dim, index, src)
        if input.ndim == 0:
            return input + src.sum(dtype=src.dtype)
        check_range(index, input.shape[self.dim], self.dim)
        part = src[tuple(slice(0, n) for n in index.shape)]
        return input + scatter_add(part, index, self.dim, input.shape)

    def grad_input(self, g):
        return g

    def grad_src(self, g, index, src):
        if len(g.shape) == 0:
            return np.broadcast_to(g, src.shape)
        return _fit(g[along(index, self.dim)], src.shape)


def _fit(part: Any, shape: Any) -> Any:
    """Put the part of a gradient that was used into zeros of the whole shape."""
    if tuple(part.shape) == tuple(shape):
        return part
    return place(part, tuple(slice(0, n) for n in part.shape), tuple(shape))


class ScatterKernel(Function):
    """The gradient of gather: values added into zeros along a dim."""

    names = "_scatter_add"
    methods = ""
    numpy = scatter_add

    def forward(self, values: Any, index: Any, axis: int, shape: Any) -> Any:
        self.axis = axis
        return scatter_add(values, index, axis, shape)

    def grad_values(self, g, index):
        return g[along(index, self.axis)]


class Scatter(Function):
    """`input` with ``src[i][j]`` written at ``[index[i][j]][j]`` (for dim 0); public through `scatter`."""

    def forward(self, input: Any, dim: int, index: Any, src: Any) -> Any:
        self.dim = dim
        check_range(index, input.shape[dim], dim)
        out = input.copy("K")
        out[along(index, dim)] = src[tuple(slice(0, n) for n in index.shape)]
        return out

    def grad_input(self, g, index):
        return np.where(written(along(index, self.dim), g.shape), 0, g)

    def grad_src(self, g, index, src):
        return _fit(g[along(index, self.dim)], src.shape)


@composite("take_along_dim")
def take_along_dim(input: Any, indices: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """Return elements picked along `dim` by an index that broadcasts against the input; without `dim`, flattened.

    See https://docs.pytorch.org/docs/stable/generated/torch.take_along_dim.html

    >>> import tapeless as tl
    >>> tl.take_along_dim(tl.tensor([[3, 1, 2]]), tl.tensor([[1, 2]]), dim=1)
    tensor([[1, 2]])
    """
    if indices.dtype != int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {scalar_name(indices.dtype)}. You can "
            "convert it: indices.long()."
        )
    if dim is None:
        result = Gather.apply(input.reshape(-1), 0, _from_front(indices.reshape(-1), input.numel()))
        return result if out is None else store(result, out, "take_along_dim", True)
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    dim = normal_dim(dim, input.ndim)
    shape = [
        -1 if d == dim else max(a, b) if 0 not in (a, b) else 0
        for d, (a, b) in enumerate(zip(input.shape, indices.shape, strict=True))
    ]
    result = Gather.apply(input.expand(shape), dim, _from_front(indices.expand(shape), input.shape[dim]))
    return result if out is None else store(result, out, "take_along_dim", True)


def _from_front(indices: Any, size: int) -> Any:
    """Return indices with negative ones counted from the end."""
    array = unwrap(indices)
    return wrap(np.where(array < 0, array + size, array))


class IndexSelect(Function):
    """The slices of `input` along `dim` named by a 1-D `index`, as a copy.

    >>> import tapeless as tl
    >>> tl.index_select(tl.tensor([[1, 2], [3, 4]]), 1, tl.tensor([1, 0]))
    tensor([[2, 1],
            [4, 3]])
    """

    names = "index_select"
    exact_out = True

    def forward(self, input: Any, dim: int, index: Any) -> Any:
        self.dim, self.shape_in = normal_dim(dim, input.ndim), input.shape
        if index.dtype.kind not in "iu":
            raise RuntimeError(
                f"index_select(): Expected dtype int32 or int64 for index\nGot {index.dtype}: use index.long()."
            )
        if input.ndim == 0:
            if index.size != 1:
                raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {index.size} value(s)")
            return input.copy()
        if index.size and (index.min() < 0 or index.max() >= input.shape[self.dim]):
            raise IndexError(
                f"index out of range in self\nThe indices go from {index.min()} to {index.max()}, the size of dim "
                f"{self.dim} is {input.shape[self.dim]}."
            )
        return np.take(input, index.reshape(-1), axis=self.dim)

    def grad_input(self, g, index):
        where = (slice(None),) * self.dim + (index.reshape((-1,)),)
        return place(g, where, self.shape_in) if self.shape_in else g


class IndexAdd(Function):
    """`input` with the slices of `source` added at the positions `index` of `dim`.

    >>> import tapeless as tl
    >>> tl.index_add(tl.zeros(3), 0, tl.tensor([0, 2, 0]), tl.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """

    names = "index_add"
    inplace = True

    def forward(self, input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
        self.dim, self.alpha = normal_dim(dim, input.ndim), alpha
        if input.ndim == 0:  # one place, which every index has to name
            check_range(index, 1, 0)
            self.place: Any = ()
        else:
            check_range(index, input.shape[self.dim], self.dim)
            self.place = (slice(None),) * self.dim
            self._check_shape(input, source)
        added = source if alpha == 1 else scaled(source, alpha)
        return input + (place(added, (*self.place, index), input.shape) if input.ndim else added.sum(dtype=input.dtype))

    def _check_shape(self, input: Any, source: Any) -> None:
        rest = [shape[: self.dim] + shape[self.dim + 1 :] for shape in (input.shape, source.shape)]
        if source.ndim and rest[0] != rest[1]:
            raise RuntimeError(
                "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
                f"{list(input.shape)} source.shape = {list(source.shape)}\nindex_add() works along dim {self.dim}."
            )

    def grad_input(self, g):
        return g

    def grad_source(self, g, index, source):
        if g.ndim == 0:
            return np.broadcast_to(g * self.alpha, source.shape)
        return g[(*self.place, index)] * self.alpha


@composite("narrow")
def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """Return a view of `length` positions of `dim` from `start` on.

    >>> import tapeless as tl
    >>> tl.narrow(tl.arange(6), 0, 2, 3)
    tensor([2, 3, 4])
    """
    check_has_dims("narrow() cannot be applied to a 0-dim tensor.", input.ndim)
    if is_tensor(start) and (start.ndim or start.dtype.kind not in "iu"):
        raise RuntimeError(f"start must be an 0-dim integral Tensor.\nGot {list(start.shape)} of {start.dtype}.")
    dim, start = normal_dim(dim, input.ndim), operator.index(start)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    size = input.shape[dim]
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    if start < 0:
        start += size
    if not 0 <= start <= start + length <= input.shape[dim]:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({input.shape[dim]}).")
    return input[(slice(None),) * dim + (slice(start, start + length),)]


@composite("select")
def select(input: Any, dim: int, index: int) -> Any:
    """Return a view of one position of `dim`.

    >>> import tapeless as tl
    >>> tl.select(tl.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, index = normal_dim(dim, input.ndim), operator.index(index)
    if not -input.shape[dim] <= index < input.shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return GetItem.apply(input, (slice(None),) * dim + (index,))


@composite("take")
def take(input: Any, index: Any, *, out: Any = None) -> Any:
    """Return the elements of the flattened input at `index`.

    >>> import tapeless as tl
    >>> tl.take(tl.tensor([[1, 2], [3, 4]]), tl.tensor([3]))
    tensor([4])
    """
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {scalar_name(index.dtype)}")
    if out is not None:
        check_apart(out, (input, index))
    result = input.reshape(-1)[index]
    return result if out is None else store(result, out, "take", True)


@composite("one_hot", methods="")
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Return int64 rows of zeros with a one at each class.

    Shape: integers (...) to (..., num_classes).

    >>> import tapeless as tl
    >>> tl.nn.functional.one_hot(tl.tensor([0, 2, 1]))
    tensor([[1, 0, 0],
            [0, 0, 1],
            [0, 1, 0]])
    """
    labels = unwrap(tensor)
    if labels.dtype != int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor.\nGot {labels.dtype}: use x.long()."
        )
    if labels.size and labels.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    count = (int(labels.max()) + 1 if labels.size else 0) if num_classes == -1 else num_classes
    if labels.size and labels.max() >= count:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return wrap((labels[..., None] == np.arange(count)).astype(int64))
