"""Making tensors: from data, filled, in ranges, and at random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._core.registry import NUMPY, composite
from ._core.tensor_base import TensorBase, unwrap, wrap
from ._device import check_device
from ._dtypes import as_dtype, float64, get_default_dtype, int64, result_dtype
from ._random import Generator, stream_of
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


def _finish(array: Any, requires_grad: bool, device: Any = None) -> Any:
    if device is not None:
        check_device(device)
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Any:
    """Make a tensor by copying `data`: numbers, nested lists, arrays, tensors.

    Python floats become the default dtype, ints int64; arrays keep their dtype.
    See https://docs.pytorch.org/docs/stable/generated/torch.tensor.html

    >>> tensor([[1, 2], [3, 4]]).dtype
    dtype('int64')
    """
    return _finish(_array_of(data, None if dtype is None else as_dtype(dtype)), requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """Make a tensor of `data`, sharing the memory of arrays and tensors whose dtype fits."""
    check_device(device)
    dtype = None if dtype is None else as_dtype(dtype)
    if isinstance(data, TensorBase):
        return data if dtype is None else data.to(dtype=dtype)  # type: ignore[attr-defined]
    if isinstance(data, np.ndarray):
        return from_numpy(data if dtype is None else data.astype(dtype, copy=False))
    return wrap(_array_of(data, dtype))


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Any:
    """Make a tensor of anything array-like; `copy=True` always copies."""
    result = tensor(obj, dtype=dtype, device=device) if copy else as_tensor(obj, dtype, device).detach()
    return result.requires_grad_() if requires_grad else result


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Any:
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


def from_dlpack(ext_tensor: Any) -> Any:
    """Make a tensor on the memory of another library's array (DLPack)."""
    return from_numpy(np.from_dlpack(ext_tensor))


# -- Filled ----------------------------------------------------------------------------------------------


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    for n in size:
        if n < 0:
            raise RuntimeError(f"zeros: Dimension size must be non-negative.\nThe size is {list(size)}.")
    return tuple(int(n) for n in size)


def _filler(name: str, make: Any, doc: str) -> Any:
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
        array = make(_shape(size), get_default_dtype() if dtype is None else as_dtype(dtype))
        result = _finish(array, requires_grad, device)
        return result if out is None else out.copy_(result)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


zeros = _filler("zeros", np.zeros, "Make a tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``.")
ones = _filler("ones", np.ones, "Make a tensor of ones: ``ones(2, 3)`` or ``ones((2, 3))``.")
empty = _filler("empty", np.empty, "Make a tensor without setting its elements.")


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Any:
    """Make a tensor of one number; its dtype is that of the number unless given."""
    fill_value = unwrap(fill_value)
    dtype = result_dtype(fill_value) if dtype is None else as_dtype(dtype)
    return _finish(np.full(_shape((size,)), fill_value, dtype), requires_grad, device)


def _like(name: str, make: Any, doc: str) -> Any:
    def function(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any) -> Any:
        array = make(input._array, dtype=None if dtype is None else as_dtype(dtype))
        return _finish(array, requires_grad, device)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


NUMPY[np.zeros_like] = lambda a, dtype=None: wrap(np.zeros_like(unwrap(a), dtype=dtype))  # rules make zeros so

zeros_like = _like("zeros_like", np.zeros_like, "Make zeros of the shape and dtype of another tensor.")
ones_like = _like("ones_like", np.ones_like, "Make ones of the shape and dtype of another tensor.")
empty_like = _like("empty_like", np.empty_like, "Make a tensor like another one without setting its elements.")


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Any:
    """Make a tensor of one number in the shape and dtype of another."""
    array = np.full_like(input._array, unwrap(fill_value), dtype=None if dtype is None else as_dtype(dtype))
    return _finish(array, requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """Make an identity matrix of `n` rows and `m` columns."""
    return _finish(np.eye(n, m, dtype=get_default_dtype() if dtype is None else as_dtype(dtype)), requires_grad, device)


# -- Ranges ----------------------------------------------------------------------------------------------


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Make a tensor of `start`, `start + step`, ... below `end`; ints give int64.

    >>> arange(3)
    tensor([0, 1, 2])
    """
    if end is None:
        start, end = 0, start
    start, end, step = (x.item() if hasattr(x, "item") else x for x in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: {start=}, {end=}, {step=}")
    if dtype is None:
        dtype = int64 if all(isinstance(x, int) for x in (start, end, step)) else get_default_dtype()
    count = math.ceil((end - start) / step)
    # PyTorch multiplies where NumPy adds up; so the last digits agree.
    values = start + np.arange(count, dtype=int64 if as_dtype(dtype).kind in "iu" else float64) * step
    return _finish(values.astype(as_dtype(dtype)), requires_grad, device)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Make `steps` equally spaced numbers from `start` to `end`, both included."""
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    start, end = (x.item() if hasattr(x, "item") else x for x in (start, end))
    return _finish(np.linspace(start, end, steps, dtype=float64).astype(dtype), requires_grad, device)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Make `steps` numbers from ``base ** start`` to ``base ** end``, equally spaced in the exponent."""
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    return _finish((base ** np.linspace(float(start), float(end), steps)).astype(dtype), requires_grad, device)


# -- At random -------------------------------------------------------------------------------------------


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **names: Any,
) -> Any:
    """Draw uniformly from ``[0, 1)``; the same seed gives PyTorch's numbers."""
    shape = _shape((names["size"],) if "size" in names else size)
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    return _finish(stream_of(generator).uniform(shape, dtype), requires_grad, device)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **names: Any,
) -> Any:
    """Draw from the normal distribution of mean 0 and variance 1; the same seed gives PyTorch's numbers."""
    shape = _shape((names["size"],) if "size" in names else size)
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    return _finish(stream_of(generator).normal(shape, dtype), requires_grad, device)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Draw integers from ``[low, high)``; ``randint(high, size)`` starts at 0.

    >>> randint(5, (3,)).shape
    torch.Size([3])
    """
    if size is None:
        low, high, size = 0, low, high
    if high is None or size is None:
        raise TypeError("randint() needs high and size: randint(low, high, size) or randint(high, size)")
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    array = stream_of(generator).integers(low, high, _shape((size,)), int64 if dtype is None else as_dtype(dtype))
    return _finish(array, requires_grad, device)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Any:
    """Return the numbers from 0 to ``n - 1`` in random order; the same seed gives PyTorch's order."""
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    array = stream_of(generator).permutation(n)
    return _finish(array if dtype is None else array.astype(as_dtype(dtype)), False, device)


def rand_like(
    input: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Any:
    """Draw uniformly in the shape and dtype of another tensor."""
    return rand(
        tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad, generator=generator
    )


def randn_like(
    input: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Any:
    """Draw from the standard normal distribution in the shape and dtype of another tensor."""
    return randn(
        tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad, generator=generator
    )


def randint_like(input: Any, low: int, high: int | None = None, *, dtype: Any = None) -> Any:
    """Draw integers in the shape and dtype of another tensor."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, tuple(input.shape), dtype=dtype or input.dtype)


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Any:
    """Draw from normal distributions: of one mean and deviation in a `size`, or one for each element."""
    if size is not None:
        return wrap(stream_of(generator).normal(_shape((size,)), get_default_dtype(), float(mean), float(std)))
    mean, std = unwrap(mean), unwrap(std)
    shape = np.broadcast_shapes(np.shape(mean), np.shape(std))
    dtype = result_dtype(*(x for x in (mean, std) if hasattr(x, "dtype")))
    return wrap((stream_of(generator).normal(shape, dtype) * std + mean).astype(dtype))


def bernoulli(input: Any, *, generator: Generator | None = None) -> Any:
    """Draw 0 or 1, with the probability of 1 in each element of `input`."""
    return wrap(stream_of(generator).bernoulli_tensor(unwrap(input)))


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Any:
    """Draw `num_samples` positions of each row with probability proportional to its elements."""
    weights = np.atleast_2d(unwrap(input)).astype(float64)
    if (weights < 0).any() or not np.isfinite(weights).all() or (weights.sum(1) <= 0).any():
        raise RuntimeError("invalid multinomial distribution: expected finite weights >= 0 with a positive sum")
    if not replacement and num_samples > (weights > 0).sum(1).min():
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    stream = stream_of(generator)
    if replacement and num_samples > 1:  # PyTorch draws a single sample the other way
        edges = np.cumsum(weights / weights.sum(1, keepdims=True), 1)
        draws = stream.uniform((len(weights), num_samples), float64)
        picked = np.stack([np.searchsorted(edge, draw, side="right") for edge, draw in zip(edges, draws, strict=True)])
        picked = np.minimum(picked, weights.shape[1] - 1)
    else:  # the largest of weight / exponential(1) is a draw without replacement (exponential races)
        race = weights / stream.exponential(weights.shape, unwrap(input).dtype)
        picked = np.argsort(-race, axis=1, kind="stable")[:, :num_samples]
    return wrap(picked.astype(int64).reshape((*unwrap(input).shape[:-1], num_samples)))


# -- Methods that draw or create -------------------------------------------------------------------------


# PyTorch's names of the arguments where the stream has others.
_STREAM_NAMES = {"from": "low", "to": "high", "lambd": "rate"}


def _drawing(name: str, params: tuple[str, ...], doc: str) -> Any:
    """Return an in-place method that overwrites a tensor with draws of the stream's method of that name."""

    def method(self: Any, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Any:
        given = dict(zip(params, args, strict=False))
        given.update({_STREAM_NAMES.get(key, key): value for key, value in kwargs.items()})
        draw = getattr(stream_of(generator), name)
        return self.copy_(wrap(draw(self._array.shape, dtype=self._array.dtype, **given)))

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = doc
    return method


for _name, _params, _doc in (
    ("uniform", ("low", "high"), "Overwrite with draws from the uniform distribution on ``[from, to)``."),
    ("normal", ("mean", "std"), "Overwrite with draws from the normal distribution of `mean` and `std`."),
    ("exponential", ("rate",), "Overwrite with draws from the exponential distribution of rate `lambd`."),
    ("log_normal", ("mean", "std"), "Overwrite with exponentials of normal draws."),
    ("cauchy", ("median", "sigma"), "Overwrite with draws from the Cauchy distribution."),
    ("geometric", ("p",), "Overwrite with the numbers of trials up to the first success."),
):
    composite(f"{_name}_")(_drawing(_name, _params, _doc))


@composite("bernoulli_")
def bernoulli_(self: Any, p: Any = 0.5, *, generator: Generator | None = None) -> Any:
    """Overwrite with draws of 0 and 1, with probability `p` (a number or a tensor) of 1."""
    stream = stream_of(generator)
    if isinstance(p, TensorBase):
        return self.copy_(wrap(stream.bernoulli_tensor(np.broadcast_to(p._array, self._array.shape))))
    return self.copy_(wrap(stream.bernoulli(self._array.shape, p, self._array.dtype)))


@composite("random_")
def random_(self: Any, from_: Any = None, to: Any = None, *, generator: Generator | None = None) -> Any:
    """Overwrite with random integers: of the dtype's range, below `to`, or from `from_` to below `to`."""
    stream, shape, dtype = stream_of(generator), self._array.shape, self._array.dtype
    if from_ is None:
        return self.copy_(wrap(stream.random(shape, dtype)))
    low, high = (0, from_) if to is None else (from_, to)
    return self.copy_(wrap(stream.integers(low, high, shape, dtype)))


def _new(name: str, make: Any) -> None:
    def method(self: Any, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return make(*args, dtype=self.dtype if dtype is None else dtype, **kwargs)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"As `{make.__name__}`, in the dtype of this tensor."
    setattr(Tensor, name, method)


for _make in (zeros, ones, empty, full, tensor):
    _new(f"new_{_make.__name__}", _make)


@composite("dropout", methods="")
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero each element with probability `p` while training, and scale the others by ``1 / (1 - p)``.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    kept = stream_of(None).bernoulli(input._array.shape, 1 - p, input._array.dtype)
    kept *= 1 / (1 - p)
    return input.mul_(wrap(kept)) if inplace else input * wrap(kept)
