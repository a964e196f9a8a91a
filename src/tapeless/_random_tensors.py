"""Tensors of random numbers, from PyTorch's streams: new ones, and those that overwrite a tensor in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._core.function import Function
from ._core.registry import composite, store
from ._core.tensor_base import TensorBase, unwrap, wrap
from ._creation import as_shape, finish
from ._dtypes import as_dtype, float64, get_default_dtype, int64, result_dtype
from ._random import Generator, stream_of
from ._tensor import Tensor


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **names: Any,
) -> Tensor:
    """Draw uniformly from ``[0, 1)``; the same seed gives PyTorch's numbers.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.rand(2, 2)
    tensor([[0.4963, 0.7682],
            [0.0885, 0.1320]])
    """
    shape = as_shape((names["size"],) if "size" in names else size)
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    if dtype.kind == "c":
        part = np.dtype(f"float{dtype.itemsize * 4}")
        return finish(stream_of(generator).uniform((*shape, 2), part).view(dtype)[..., 0], requires_grad, device)
    return finish(stream_of(generator).uniform(shape, dtype), requires_grad, device)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **names: Any,
) -> Tensor:
    """Draw from the normal distribution of mean 0 and variance 1; the same seed gives PyTorch's numbers.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.randn(3)
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    shape = as_shape((names["size"],) if "size" in names else size)
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    if dtype.kind == "c":  # variance 1 in all: one half in each part
        part = np.dtype(f"float{dtype.itemsize * 4}")
        drawn = stream_of(generator).normal((*shape, 2), part) * part.type(math.sqrt(0.5))
        return finish(drawn.view(dtype)[..., 0], requires_grad, device)
    return finish(stream_of(generator).normal(shape, dtype), requires_grad, device)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
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
    array = stream_of(generator).integers(low, high, as_shape((size,)), int64 if dtype is None else as_dtype(dtype))
    return finish(array, requires_grad, device)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the numbers from 0 to ``n - 1`` in random order; the same seed gives PyTorch's order.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.randperm(5)
    tensor([4, 0, 1, 3, 2])
    """
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    array = stream_of(generator).permutation(n)
    return finish(array if dtype is None else array.astype(as_dtype(dtype)), False, device)


def rand_like(
    input: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
    **_: Any,
) -> Tensor:
    """Draw uniformly in the shape and dtype of another tensor.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.rand_like(tl.zeros(2))
    tensor([0.4963, 0.7682])
    """
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
    **_: Any,
) -> Tensor:
    """Draw from the standard normal distribution in the shape and dtype of another tensor.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.randn_like(tl.zeros(3))
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    return randn(
        tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad, generator=generator
    )


def randint_like(
    input: Any,
    low: Any,
    high: Any = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **_: Any,
) -> Tensor:
    """Draw integers in the shape and dtype of another tensor.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.randint_like(tl.zeros(3), 10)
    tensor([4., 9., 3.])
    """
    low, high = (0, low) if high is None else (low, high)
    low, high = int(low), int(high)
    return randint(
        low, high, tuple(input.shape), dtype=dtype or input.dtype, device=device, requires_grad=requires_grad
    )


class Drawn(Function):
    """Numbers that were drawn by the parameters in other tensors: their gradient with respect to those is 0."""

    def forward(self, drawn: Any, input: Any, other: Any = None) -> Any:
        return drawn

    def grad_input(self, g, input):
        return np.zeros_like(input)

    def grad_other(self, g, other):
        return np.zeros_like(other)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **_: Any,
) -> Tensor:
    """Draw from normal distributions: of one mean and deviation in a `size`, or one for each element.

    Raises RuntimeError for negative deviations.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.normal(tl.tensor([0.0, 100.0]), tl.tensor([1.0, 0.1]))
    tensor([ 1.5410, 99.9707])
    """
    if np.any(np.asarray(unwrap(std)).real < 0):
        raise RuntimeError(
            f"normal expects {'all elements of std' if hasattr(std, 'dtype') else 'std'} >= 0.0, but found std {std}"
        )
    if size is not None:
        kind = get_default_dtype() if dtype is None else as_dtype(dtype)
        drawn = stream_of(generator).normal(as_shape((size,)), kind, float(mean), float(std))
        result = finish(drawn, requires_grad, device)
        return result if out is None else store(result, out, "normal")
    tensors = [x for x in (mean, std) if isinstance(x, TensorBase)]
    mean, std = unwrap(mean), unwrap(std)
    shape = np.broadcast_shapes(np.shape(mean), np.shape(std))
    dtype = result_dtype(*(x for x in (mean, std) if hasattr(x, "dtype")))
    drawn = (stream_of(generator).normal(shape, dtype) * std + mean).astype(dtype)
    result = Drawn.apply(drawn, *tensors)
    return result if out is None else store(result, out, "normal")


def bernoulli(input: Any, p: Any = None, *, generator: Generator | None = None, out: Any = None) -> Tensor:
    """Draw 0 or 1, with the probability of 1 in each element of `input` (or `p` everywhere).

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.bernoulli(tl.tensor([0.0, 0.5, 1.0]))
    tensor([0., 0., 1.])
    """
    if p is not None:
        result = input.clone().bernoulli_(p, generator=generator)
    else:
        result = Drawn.apply(stream_of(generator).bernoulli_tensor(unwrap(input)), input)
    return result if out is None else store(result, out, "bernoulli")


def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None, out: Any = None
) -> Tensor:
    """Draw `num_samples` positions of each row with probability proportional to its elements.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.multinomial(tl.tensor([0.0, 0.9, 0.1]), 4, replacement=True)
    tensor([2, 1, 1, 2])
    """
    if out is not None and out.dtype != int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype}")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim\nThe input's shape is {list(input.shape)}.")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
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
    result = wrap(picked.astype(int64).reshape((*unwrap(input).shape[:-1], num_samples)))
    return result if out is None else store(result, out, "multinomial")


# -- In place --------------------------------------------------------------------------------------------


# PyTorch's names of the arguments where the stream has others.
_STREAM_NAMES = {"from": "low", "to": "high", "lambd": "rate"}


def _drawing(name: str, params: tuple[str, ...], doc: str, example: tuple[str, str]) -> Any:
    """Return an in-place method that overwrites a tensor with draws of the stream's method of that name."""

    def method(self: Any, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Any:
        given = dict(zip(params, args, strict=False))
        given.update({_STREAM_NAMES.get(key, key): value for key, value in kwargs.items()})
        draw = getattr(stream_of(generator), name)
        return self.copy_(wrap(draw(self._array.shape, dtype=self._array.dtype, **given)))

    method.__name__ = method.__qualname__ = f"{name}_"
    arguments, drawn = example
    method.__doc__ = f"""{doc}

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.empty(2).{name}_({arguments})
    {drawn}
    """
    return method


for _name, _params, _doc, _example in (
    (
        "exponential",
        ("rate",),
        "Overwrite with draws from the exponential distribution of rate `lambd`.",
        ("2.0", "tensor([1.7542, 0.6152])"),
    ),
    (
        "log_normal",
        ("mean", "std"),
        "Overwrite with exponentials of normal draws.",
        ("0.0, 1.0", "tensor([4.6692, 0.7457])"),
    ),
    (
        "cauchy",
        ("median", "sigma"),
        "Overwrite with draws from the Cauchy distribution.",
        ("0.0, 1.0", "tensor([10.5977,  0.7648])"),
    ),
    (
        "geometric",
        ("p",),
        "Overwrite with the numbers of trials up to the first success.",
        ("0.5", "tensor([1., 1.])"),
    ),
):
    composite(f"{_name}_")(_drawing(_name, _params, _doc, _example))


@composite("uniform_")
def uniform_(
    self: Any, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None, **named: Any
) -> Any:
    """Overwrite with draws from the uniform distribution on ``[from, to)``; of complex numbers, both parts.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.empty(2).uniform_(-1, 1)
    tensor([-0.0075,  0.5364])
    """
    low, high = named.pop("from", low), named.pop("to", high)
    if named:
        raise TypeError(
            f"uniform_() got an unexpected keyword argument {next(iter(named))!r}; it takes from, to, generator"
        )
    stream, array = stream_of(generator), self._array
    if array.dtype.kind != "c":
        return self.copy_(wrap(stream.uniform(array.shape, dtype=array.dtype, low=low, high=high)))
    parts = stream.uniform((*array.shape, 2), dtype=array.real.dtype, low=low, high=high)
    return self.copy_(wrap(parts[..., 0] + 1j * parts[..., 1]))


@composite("normal_")
def normal_(self: Any, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Overwrite with draws from the normal distribution; of complex numbers, both parts have half the variance.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.empty(2).normal_(mean=10, std=0.1)
    tensor([10.1541,  9.9707])
    """
    stream, array = stream_of(generator), self._array
    if array.dtype.kind != "c":
        return self.copy_(wrap(stream.normal(array.shape, dtype=array.dtype, mean=mean, std=std)))
    parts = stream.normal((*array.shape, 2), dtype=array.real.dtype, mean=0.0, std=std / math.sqrt(2))
    return self.copy_(wrap(parts[..., 0] + 1j * parts[..., 1] + complex(mean, mean)))


@composite("bernoulli_")
def bernoulli_(self: Any, p: Any = 0.5, *, generator: Generator | None = None) -> Any:
    """Overwrite with draws of 0 and 1, with probability `p` (a number or a tensor) of 1.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.empty(4).bernoulli_(0.5)
    tensor([0., 0., 1., 0.])
    """
    stream = stream_of(generator)
    if isinstance(p, TensorBase):
        return self.copy_(wrap(stream.bernoulli_tensor(np.broadcast_to(p._array, self._array.shape))))
    return self.copy_(wrap(stream.bernoulli(self._array.shape, p, self._array.dtype)))


@composite("random_")
def random_(self: Any, from_: Any = None, to: Any = None, *, generator: Generator | None = None) -> Any:
    """Overwrite with random integers: of the dtype's range, below `to`, or from `from_` to below `to`.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.empty(3).random_(10)
    tensor([4., 9., 3.])
    """
    stream, shape, dtype = stream_of(generator), self._array.shape, self._array.dtype
    if from_ is None:
        return self.copy_(wrap(stream.random(shape, dtype)))
    low, high = (0, from_) if to is None else (from_, to)
    return self.copy_(wrap(stream.integers(low, high, shape, dtype)))


for _function in (bernoulli, multinomial):
    setattr(Tensor, _function.__name__, _function)
