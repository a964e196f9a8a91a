"""Making tensors: from data, filled, and in ranges. Those made at random are in `_random_tensors`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ._core.registry import NUMPY, store
from ._core.tensor_base import TensorBase, unwrap, wrap
from ._device import check_device
from ._dtypes import as_dtype, float64, get_default_dtype, int64, result_dtype
from ._tensor import Tensor

# -- From data -------------------------------------------------------------------------------------------


def _array_of(data: Any, dtype: Any) -> Any:
    """Copy `data` into an array, with PyTorch's dtype for Python numbers."""
    if isinstance(data, TensorBase):
        return data._array.astype(dtype) if dtype is not None else data._array.copy()
    if isinstance(data, (np.ndarray, np.generic)):
        return np.array(data, dtype=dtype)
    if isinstance(data, (list, tuple)) and _holds_tensors(data):
        data = _plain(data)
    try:
        array = np.array(data, dtype=dtype)
    except ValueError as error:
        raise ValueError(f"expected sequences of equal length at every level ({error})") from None
    if array.dtype == object:
        raise TypeError(
            f"Could not infer dtype of {type(_first_leaf(data)).__name__}: tensors hold numbers and bools, "
            "in nested lists of equal length"
        )
    if dtype is None:
        # NumPy makes float64 of Python floats and int64 of ints; PyTorch's floats are of the default dtype.
        if array.dtype == float64 and not _holds_numpy(data):
            array = array.astype(get_default_dtype())
        elif array.dtype == np.complex128:
            array = array.astype(np.complex64)
    return array


def _holds_tensors(data: Any) -> bool:
    return bool(data) and (
        isinstance(data[0], TensorBase) or (isinstance(data[0], (list, tuple)) and _holds_tensors(data[0]))
    )


def _holds_numpy(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def _plain(data: Any) -> Any:
    return [_plain(item) for item in data] if isinstance(data, (list, tuple)) else (
        data._array.tolist() if isinstance(data, TensorBase) else data
    )  # fmt: skip


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def finish(array: Any, requires_grad: bool, device: Any = None) -> Any:
    if device is not None:
        check_device(device)
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """Make a tensor by copying `data`: numbers, nested lists, arrays, tensors.

    Python floats become the default dtype, ints int64; arrays keep their dtype.
    See https://docs.pytorch.org/docs/stable/generated/torch.tensor.html

    >>> tensor([[1, 2], [3, 4]]).dtype
    dtype('int64')
    """
    return finish(_array_of(data, None if dtype is None else as_dtype(dtype)), requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Make a tensor of `data`, sharing the memory of arrays and tensors whose dtype fits.

    >>> import numpy as np
    >>> import tapeless as tl
    >>> array = np.zeros(2)
    >>> x = tl.as_tensor(array)
    >>> array[0] = 5
    >>> x
    tensor([5., 0.], dtype=torch.float64)
    """
    check_device(device)
    dtype = None if dtype is None else as_dtype(dtype)
    if isinstance(data, TensorBase):
        whole: Any = data
        return whole if dtype is None else whole.to(dtype=dtype)
    if isinstance(data, np.ndarray):
        return from_numpy(data if dtype is None else data.astype(dtype, copy=False))
    return wrap(_array_of(data, dtype))


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Make a tensor of anything array-like; `copy=True` always copies.

    >>> import numpy as np
    >>> import tapeless as tl
    >>> array = np.zeros(2)
    >>> tl.asarray(array, copy=True).add_(1)
    tensor([1., 1.], dtype=torch.float64)
    >>> array.tolist()
    [0.0, 0.0]
    """
    result = tensor(obj, dtype=dtype, device=device) if copy else as_tensor(obj, dtype, device).detach()
    return result.requires_grad_() if requires_grad else result


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """Make a tensor on the memory of an array: writing to one changes the other.

    >>> a = np.zeros(2)
    >>> _ = from_numpy(a).fill_(1)
    >>> a.tolist()
    [1.0, 1.0]
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    if ndarray.dtype.kind not in "biufc":
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{ndarray.dtype.name}. The only supported types are: bool, "
            "integers, floats and complex numbers."
        )
    if not ndarray.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order: "
            "use a.astype(a.dtype.newbyteorder('='))"
        )
    return wrap(ndarray.view(np.ndarray) if type(ndarray) is not np.ndarray else ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """Make a tensor on the memory of another library's array (DLPack).

    >>> import numpy as np
    >>> import tapeless as tl
    >>> tl.from_dlpack(np.arange(3.0))
    tensor([0., 1., 2.], dtype=torch.float64)
    """
    return from_numpy(np.from_dlpack(ext_tensor))


# -- Filled ----------------------------------------------------------------------------------------------


def as_shape(size: tuple[Any, ...], name: str = "") -> tuple[int, ...]:
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    for n in size:
        if n < 0:
            if name == "zeros":
                raise RuntimeError(f"zeros: Dimension size must be non-negative.\nThe size is {list(size)}.")
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(size)}")
    return tuple(int(n) for n in size)


def _filler(name: str, make: Any, doc: str) -> Callable[..., Tensor]:
    def function(
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        out: Any = None,
        layout: Any = None,
        pin_memory: bool = False,
        memory_format: Any = None,
        **names: Any,
    ) -> Any:
        size = (names["size"],) if "size" in names else size
        array = make(as_shape(size, make.__name__), get_default_dtype() if dtype is None else as_dtype(dtype))
        result = finish(array, requires_grad, device)
        return result if out is None else out.copy_(result)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


zeros = _filler(
    "zeros",
    np.zeros,
    """Make a tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``.

    >>> import tapeless as tl
    >>> tl.zeros(2, dtype=tl.int64)
    tensor([0, 0])
    """,
)
ones = _filler(
    "ones",
    np.ones,
    """Make a tensor of ones: ``ones(2, 3)`` or ``ones((2, 3))``.

    >>> import tapeless as tl
    >>> tl.ones(2, 3)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """,
)
empty = _filler(
    "empty",
    np.empty,
    """Make a tensor without setting its elements.

    >>> import tapeless as tl
    >>> tl.empty(2, 3).shape
    torch.Size([2, 3])
    """,
)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Tensor:
    """Make a tensor of one number; its dtype is that of the number unless given.

    >>> import tapeless as tl
    >>> tl.full((2, 2), 3.5)
    tensor([[3.5000, 3.5000],
            [3.5000, 3.5000]])
    """
    fill_value = unwrap(fill_value)
    dtype = result_dtype(fill_value) if dtype is None else as_dtype(dtype)
    return finish(np.full(as_shape((size,)), fill_value, dtype), requires_grad, device)


def _like(name: str, make: Any, doc: str) -> Callable[..., Tensor]:
    def function(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any) -> Any:
        array = make(input._array, dtype=None if dtype is None else as_dtype(dtype))
        return finish(array, requires_grad, device)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


NUMPY[np.ones_like] = lambda a, dtype=None: wrap(np.ones_like(unwrap(a), dtype=dtype))
NUMPY[np.zeros_like] = lambda a, dtype=None: wrap(np.zeros_like(unwrap(a), dtype=dtype))  # rules make zeros so

zeros_like = _like(
    "zeros_like",
    np.zeros_like,
    """Make zeros of the shape and dtype of another tensor.

    >>> import tapeless as tl
    >>> tl.zeros_like(tl.ones(2))
    tensor([0., 0.])
    """,
)
ones_like = _like(
    "ones_like",
    np.ones_like,
    """Make ones of the shape and dtype of another tensor.

    >>> import tapeless as tl
    >>> tl.ones_like(tl.tensor([1, 2]))
    tensor([1, 1])
    """,
)
empty_like = _like(
    "empty_like",
    np.empty_like,
    """Make a tensor like another one without setting its elements.

    >>> import tapeless as tl
    >>> tl.empty_like(tl.ones(2, 3)).shape
    torch.Size([2, 3])
    """,
)


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Tensor:
    """Make a tensor of one number in the shape and dtype of another.

    >>> import tapeless as tl
    >>> tl.full_like(tl.ones(2), 7.0)
    tensor([7., 7.])
    """
    kind = input.dtype if dtype is None else as_dtype(dtype)
    value = unwrap(fill_value)
    # An int that does not fit wraps around, as in PyTorch; NumPy refuses it.
    value = np.asarray(value).astype(kind) if isinstance(value, (int, float, complex)) else value
    return finish(np.full_like(input._array, value, dtype=kind), requires_grad, device)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    **_: Any,
) -> Tensor:
    """Make an identity matrix of `n` rows and `m` columns.

    >>> import tapeless as tl
    >>> tl.eye(2, 3)
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    result = finish(np.eye(n, m, dtype=kind), requires_grad, device)
    return result if out is None else store(result, out, "eye")


# -- Ranges ----------------------------------------------------------------------------------------------


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **_: Any,
) -> Tensor:
    """Make a tensor of `start`, `start + step`, ... below `end`; ints give int64.

    >>> arange(3)
    tensor([0, 1, 2])
    """
    if end is None:
        start, end = 0, start
    start, end, step = (x.item() if hasattr(x, "item") else x for x in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: {start=}, {end=}, {step=}\n"
            "upper bound and larger bound inconsistent with step sign"
        )
    if dtype is None and out is not None:
        dtype = out.dtype
    if dtype is None:
        dtype = int64 if all(isinstance(x, int) for x in (start, end, step)) else get_default_dtype()
    kind = as_dtype(dtype)
    if kind == int64:  # counted from limits that are cut to integers first; the smaller integers are not
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero: as an integer it is 0")
    count = math.ceil((end - start) / step)
    if kind.kind in "iu":
        start, step = int(start), int(step)
    # PyTorch multiplies where NumPy adds up; so the last digits agree.
    values = start + np.arange(count, dtype=int64 if kind.kind in "iu" else float64) * step
    result = finish(values.astype(kind), requires_grad, device)
    return result if out is None else store(result, out, "arange")


def _check_steps(steps: Any) -> int:
    steps = operator.index(steps)
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    return steps


def _spaced(start: Any, end: Any, steps: int, dtype: Any) -> Any:
    """Return `steps` numbers from `start` to `end`, counted from both ends to the middle as PyTorch does."""
    start, end = (x.item() if hasattr(x, "item") else x for x in (start, end))
    if dtype.kind in "iu":  # PyTorch cuts the limits to integers first, and the numbers between towards zero
        start, end = int(start), int(end)
    wide = np.complex128 if dtype.kind == "c" else np.float64
    if steps == 1:
        return np.array([start], dtype)
    places = np.arange(steps)
    step = (end - start) / max(steps - 1, 1)
    if dtype.kind in "iu":
        # PyTorch's compiler fuses product and sum, so that only the sum is rounded; what is cut off depends on it.
        wide = np.longdouble  # type: ignore[assignment]
        start, end = wide(start), wide(end)
    values = np.where(places < steps // 2, start + places * wide(step), end - (steps - 1 - places) * wide(step))
    return np.trunc(values.astype(np.float64)).astype(dtype) if dtype.kind in "iu" else values.astype(dtype)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **_: Any,
) -> Tensor:
    """Make `steps` equally spaced numbers from `start` to `end`, both included.

    >>> linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    kind = _default_for(start, end) if dtype is None else as_dtype(dtype)
    _check_limits("linspace", start, end)
    result = finish(_spaced(start, end, _check_steps(steps), kind), requires_grad, device)
    return result if out is None else store(result, out, "linspace")


def _default_for(*limits: Any) -> Any:
    default = get_default_dtype()
    if any(isinstance(unwrap(x), complex) or getattr(x, "dtype", default).kind == "c" for x in limits):
        return np.dtype(np.complex128 if default == np.float64 else np.complex64)
    return default


def _check_limits(name: str, *limits: Any) -> None:
    for which, x in zip(("start", "end"), limits, strict=True):
        if getattr(x, "ndim", 0):
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got {which} with {x.ndim} dimension(s)."
            )


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **_: Any,
) -> Tensor:
    """Make `steps` numbers from ``base ** start`` to ``base ** end``, equally spaced in the exponent.

    >>> logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    kind = _default_for(start, end) if dtype is None else as_dtype(dtype)
    _check_limits("logspace", start, end)
    steps = _check_steps(steps)
    if kind.kind in "iu":
        exponents = _spaced(start, end, steps, kind).astype(float64)
        start, end = (x.item() if hasattr(x, "item") else x for x in (start, end))
        step = np.float32((int(end) - int(start)) / max(steps - 1, 1))
        places = np.arange(steps)
        exponents = np.where(places < steps // 2, int(start) + step * places, int(end) - step * (steps - 1 - places))
        if steps == 1:
            exponents = np.array([float(int(start))])
        with np.errstate(all="ignore"):
            values = np.trunc(np.power(float(base), exponents.astype(float64))).astype(kind)
    else:
        wide = np.complex128 if kind.kind == "c" or isinstance(base, complex) else float64
        exponents = _spaced(start, end, steps, np.dtype(np.complex128 if kind.kind == "c" else float64))
        values = np.power(np.asarray(base, wide), exponents).astype(kind)
    result = finish(values, requires_grad, device)
    return result if out is None else store(result, out, "logspace")


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any) -> Tensor:
    """Make a 0-d tensor of one number, of the default dtype unless given.

    >>> scalar_tensor(2)
    tensor(2.)
    """
    kind = _default_for(s) if dtype is None else as_dtype(dtype)
    return finish(np.asarray(s).astype(kind), requires_grad, device)


def _triangle(name: str, make: Any, doc: str) -> Any:
    def function(row: int, col: int, offset: int = 0, *, dtype: Any = int64, device: Any = None, **_: Any) -> Any:
        if row < 0 or col < 0:
            raise RuntimeError(f"{name}: row and col must be non-negative, got {row} and {col}")
        rows, columns = make(row, offset, col)
        return finish(np.stack([rows, columns]).astype(as_dtype(int64 if dtype is None else dtype)), False, device)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


triu_indices = _triangle(
    "triu_indices",
    np.triu_indices,
    """Return rows and columns of the upper triangle of a matrix.

    >>> import tapeless as tl
    >>> tl.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """,
)
tril_indices = _triangle(
    "tril_indices",
    np.tril_indices,
    """Return rows and columns of the lower triangle of a matrix.

    >>> import tapeless as tl
    >>> tl.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """,
)


def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Tensor:
    """Make a tensor of given sizes and strides (in elements) without setting its elements.

    >>> empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    count = 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if 0 not in tuple(size) else 0
    steps = tuple(step * kind.itemsize for step in stride)
    array = np.lib.stride_tricks.as_strided(np.empty(max(count, 1), kind), tuple(size), steps)
    return finish(array, requires_grad, device)


def empty_permuted(
    size: Any, physical_layout: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Tensor:
    """Make a tensor, dense in memory in the order of dims that `physical_layout` gives, without setting its elements.

    >>> empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    if len(physical_layout) != len(size):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(size)} is not equal to len(physical_layout) = {len(physical_layout)}"
        )
    if sorted(physical_layout) != list(range(len(size))):
        wrong = next((d for d in physical_layout if not 0 <= d < len(size)), None)
        if wrong is not None:
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {wrong} at index "
                f"{list(physical_layout).index(wrong)}). NB: negative dims not currently supported; file an issue if "
                "you want it."
            )
        raise RuntimeError("Duplicate dim not allowed")
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    dense = np.empty([size[d] for d in physical_layout], kind)
    return finish(dense.transpose(np.argsort(physical_layout)), requires_grad, device)


# -- Methods ---------------------------------------------------------------------------------------------


def _new(name: str, make: Any) -> None:
    def method(self: Any, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return make(*args, dtype=self.dtype if dtype is None else dtype, **kwargs)

    method.__name__ = method.__qualname__ = name
    arguments = {"full": "(2,), 7", "tensor": "[1, 2]", "empty_strided": "(2,), (1,)"}.get(make.__name__, "2")
    method.__doc__ = f"""As `{make.__name__}`, in the dtype of this tensor.

    >>> import tapeless as tl
    >>> tl.ones(1, dtype=tl.float64).{name}({arguments}).dtype
    dtype('float64')
    """
    setattr(Tensor, name, method)


for _make in (zeros, ones, empty, full, tensor, empty_strided):
    _new(f"new_{_make.__name__}", _make)
