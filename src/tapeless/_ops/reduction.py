"""Reductions: sums, means, extremes, variances, cumulative sums, and the questions `any` and `all`."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.modes import state
from .._core.registry import NUMPY, composite, plain_function
from .._core.tensor_base import TensorBase, unwrap, wrap
from .._dtypes import as_dtype, get_default_dtype, int64, scalar_name, uint8
from .._kernels.indexing import scatter_add
from ._common import as_array, check_not_empty, normal_dim, normal_dims, spread

ValuesIndices = namedtuple("ValuesIndices", "values indices")
"""What reductions with a `dim` return: the values, and where along the dim they were found."""


class Sum(Function):
    """Sum of all elements, or over `dim`; integers and bools are summed in int64.

    See https://docs.pytorch.org/docs/stable/generated/torch.sum.html

    >>> import tapeless as tl
    >>> tl.ones(2, 3).sum(dim=0)
    tensor([2., 2., 2.])
    """

    names = "sum"
    numpy = np.sum
    axes: Any = ()
    keepdim = False

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
        self.axes, self.shape_in, self.keepdim = normal_dims(dim, input.ndim), input.shape, keepdim
        if dtype is None and input.dtype.kind in "iub":
            dtype = int64
        axes = None if dim is None else self.axes  # None starts sooner than a tuple of all
        return np.add.reduce(input, axis=axes, dtype=None if dtype is None else as_dtype(dtype), keepdims=keepdim)

    def grad_input(self, g):
        return spread(g, self.axes, self.shape_in, self.keepdim)

    @classmethod
    def public_function(cls):
        general = plain_function(cls)

        # The short way for all elements of a float tensor, as in `_common`: a third of the bytecodes of `apply`. Of
        # the attributes that `forward` sets, the shape is all that such a sum's gradient asks for.
        def sum(*args: Any, **kwargs: Any) -> Any:
            if kwargs or len(args) != 1 or not isinstance(args[0], TensorBase) or args[0]._view is not None:
                return general(*args, **kwargs)
            x = args[0]._array
            if x.dtype.kind != "f":
                return general(*args)
            result = wrap(np.add.reduce(x, axis=None))
            if args[0]._requires_grad and state.grad_enabled:
                node = _new(cls)
                node.saved, node.shape_in = None, x.shape
                node.record(1, args, (x,), result._array)
                result._node = node
                result._requires_grad = True
            return result

        return sum


_new = object.__new__


class Mean(Function):
    """Mean of all elements, or over `dim`. Integers raise RuntimeError: their mean needs a float dtype.

    >>> import tapeless as tl
    >>> tl.mean(tl.tensor([1.0, 2.0]))
    tensor(1.5000)
    >>> tl.mean(tl.tensor([[1.0, 2.0], [3.0, 5.0]]), dim=0)
    tensor([2.0000, 3.5000])
    """

    names = "mean"
    numpy = np.mean

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
        if dtype is not None:
            input = input.astype(as_dtype(dtype))
        if input.dtype.kind in "iub":
            raise RuntimeError(
                "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
                f"Got: {scalar_name(input.dtype)}\nConvert it first: x.float().mean()."
            )
        self.axes, self.shape_in, self.keepdim = normal_dims(dim, input.ndim), input.shape, keepdim
        self.count = math.prod(input.shape[axis] for axis in self.axes)
        total = np.add.reduce(input, axis=self.axes, keepdims=keepdim)
        return total / self.count if self.count else total * math.nan

    def grad_input(self, g):
        return spread(g / max(self.count, 1), self.axes, self.shape_in, self.keepdim)


class Prod(Function):
    """Product of all elements, or over one `dim`; the gradient is right where elements are zero.

    >>> import tapeless as tl
    >>> tl.prod(tl.tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """

    names = "prod"
    numpy = np.prod

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
        self.dim, self.keepdim = None if dim is None else normal_dim(dim, input.ndim), keepdim
        if dtype is None and input.dtype.kind in "iub":
            dtype = int64
        return np.prod(input, axis=self.dim, dtype=None if dtype is None else as_dtype(dtype), keepdims=keepdim)

    def grad_input(self, g, input):
        shape = tuple(input.shape)
        if shape == ():
            return g * np.ones((), input.dtype)
        flat = input.reshape((-1,)) if self.dim is None else input
        axis = 0 if self.dim is None else self.dim
        if self.dim is None:
            g = g.reshape((1,))
        elif not self.keepdim:
            g = np.expand_dims(g, self.dim)
        # The product of all others, as (product of those before) * (product of those after): no division by zero.
        before = _exclusive_cumprod(flat, axis)
        after = np.flip(_exclusive_cumprod(np.flip(flat, axis), axis), axis)
        return (g * (before * after)).reshape(shape)


def _exclusive_cumprod(x: Any, axis: int) -> Any:
    """Return the product of the elements before each one along `axis`."""
    if x.shape[axis] == 0:
        return x
    first = np.ones([1 if i == axis else n for i, n in enumerate(x.shape)], x.dtype)
    rest = x[(slice(None),) * axis + (slice(0, x.shape[axis] - 1),)]
    return np.cumprod(np.concatenate([first, rest], axis), axis)


def _running(ufunc: Any, input: Any, dim: int, dtype: Any) -> Any:
    """Accumulate along `dim`; integers in int64, and 0-d tensors as they are."""
    if dtype is None:
        dtype = int64 if input.dtype.kind in "iub" else None
    else:
        dtype = as_dtype(dtype)
    if input.ndim == 0:
        return input.astype(input.dtype if dtype is None else dtype)
    return ufunc.accumulate(input, axis=dim, dtype=dtype)


class Cumsum(Function):
    """Running sum along `dim`.

    >>> import tapeless as tl
    >>> tl.cumsum(tl.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 3., 6.])
    """

    names = "cumsum"
    inplace = True

    def forward(self, input: Any, dim: int, *, dtype: Any = None) -> Any:
        self.dim = normal_dim(dim, input.ndim)
        return _running(np.add, input, self.dim, dtype)

    def grad_input(self, g):
        return np.flip(np.cumsum(np.flip(g, self.dim), self.dim), self.dim) if len(g.shape) else g


class Cumprod(Function):
    """Running product along `dim`; the gradient is right where elements are zero.

    >>> import tapeless as tl
    >>> tl.cumprod(tl.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 2., 6.])
    """

    names = "cumprod"
    inplace = True

    def forward(self, input: Any, dim: int, *, dtype: Any = None) -> Any:
        self.dim = normal_dim(dim, input.ndim)
        return _running(np.multiply, input, self.dim, dtype)

    def grad_input(self, g, input):
        if len(g.shape) == 0:
            return g
        # d result[k] / d x[i] is the product of x[:k+1] without x[i]: one suffix at a time, exact at zeros.
        head = (slice(None),) * self.dim
        n = input.shape[self.dim]
        before = _exclusive_cumprod(input, self.dim)
        columns = []
        for i in range(n):
            ones = g[(*head, slice(i, i + 1))] * 0 + 1
            rest = np.concatenate([ones, input[(*head, slice(i + 1, n))]], self.dim)
            partial = (g[(*head, slice(i, n))] * np.cumprod(rest, self.dim)).sum(axis=self.dim, keepdims=True)
            columns.append(partial * before[(*head, slice(i, i + 1))])
        return np.concatenate(columns, self.dim) if columns else g


def _numpy_running(cls: Any) -> Any:
    """Return NumPy's `cumsum` or `cumprod`, which flatten where no axis is given."""
    return lambda a, axis=None, dtype=None: cls.apply(
        a.reshape(-1) if axis is None else a, 0 if axis is None else axis, dtype=dtype
    )


NUMPY[np.cumsum] = _numpy_running(Cumsum)
NUMPY[np.cumprod] = _numpy_running(Cumprod)


class _Variance(Function):
    """What `var` and `std` share: which elements count, and by what the sum of squares is divided."""

    conjugates = False  # a real function of complex numbers: PyTorch's convention is the plain formula

    def moments(self, input: Any, dim: Any, keepdim: bool, correction: float) -> Any:
        """Return the variance and remember what the rule needs."""
        if input.dtype.kind not in "fc":
            raise RuntimeError(
                "std and var only support floating point and complex dtypes\n"
                f"The input is {input.dtype}; convert it first: x.float()."
            )
        self.axes, self.keepdim = normal_dims(dim, input.ndim), keepdim
        self.count = math.prod(input.shape[axis] for axis in self.axes)
        self.divisor = max(self.count - correction, 0)
        centred = input - np.mean(input, axis=self.axes, keepdims=True)
        squared = (centred * centred.conj()).real if input.dtype.kind == "c" else centred * centred
        total = np.add.reduce(squared, axis=self.axes, keepdims=keepdim)
        return total / self.divisor if self.divisor else total / np.zeros((), total.dtype)

    def variance_gradient(self, g: Any, input: Any) -> Any:
        """Return the gradient of the variance: twice the distance from the mean."""
        g = spread(g, self.axes, tuple(input.shape), self.keepdim)
        centred = input - input.mean(axis=self.axes, keepdims=True)
        return g * (centred * (2 / self.divisor if self.divisor else math.inf))


def _correction(unbiased: Any, correction: Any) -> float:
    if correction is not None:
        return correction
    return 0 if unbiased is False else 1


def _flexible_variance(cls: Any) -> Any:
    """Accept ``var(x, unbiased)``, ``var(x, dim, unbiased, keepdim)`` and ``var(x, dim, correction=, keepdim=)``."""

    def function(
        input: Any,
        dim: Any = None,
        unbiased: Any = None,
        keepdim: Any = False,
        *,
        correction: Any = None,
        axis: Any = None,
        keepdims: Any = None,
        ddof: Any = None,
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if ddof is not None:
            correction = ddof
        return cls.apply(
            input,
            dim if axis is None else axis,
            unbiased,
            keepdim if keepdims is None else keepdims,
            correction=correction,
        )

    return function


class Var(_Variance):
    """Variance; `correction` is taken from the number of elements that it divides by (1: Bessel's).

    >>> import tapeless as tl
    >>> tl.var(tl.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    >>> tl.var(tl.tensor([1.0, 2.0, 3.0]), correction=0)
    tensor(0.6667)
    """

    names = "var"
    numpy = None

    def forward(
        self, input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
    ) -> Any:
        return self.moments(input, dim, keepdim, _correction(unbiased, correction))

    def grad_input(self, g, input):
        return self.variance_gradient(g, input)

    @classmethod
    def public_function(cls):
        return _flexible_variance(cls)


class Std(_Variance):
    """Standard deviation; arguments as `var`. Its gradient at 0 is 0.

    >>> import tapeless as tl
    >>> tl.std(tl.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    >>> tl.std(tl.tensor([1.0, 2.0, 3.0]), correction=0)
    tensor(0.8165)
    """

    names = "std"
    numpy = None

    def forward(
        self, input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
    ) -> Any:
        return np.sqrt(self.moments(input, dim, keepdim, _correction(unbiased, correction)))

    def grad_input(self, g, input, result):
        return self.variance_gradient(np.where(result == 0, 0, g / (result * 2)), input)

    @classmethod
    def public_function(cls):
        return _flexible_variance(cls)


def _numpy_spread(name: str) -> Any:
    """Return NumPy's `var` or `std`, whose divisor is the plain count unless `ddof` says otherwise."""

    def function(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        return (Var if name == "var" else Std).apply(a, axis, None, keepdims, correction=ddof)

    return function


NUMPY[np.var] = _numpy_spread("var")
NUMPY[np.std] = _numpy_spread("std")


class _Extreme(Function):
    """The largest or smallest elements over any dims; ties share the gradient equally."""

    ufunc: Any
    word: str

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        self.axes, self.keepdim = normal_dims(dim, input.ndim), keepdim
        if math.prod(input.shape[axis] for axis in self.axes) == 0:
            for axis in self.axes if dim is not None else ():
                check_not_empty(self.word, input.shape, axis)
            raise RuntimeError(
                f"{self.word}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                f"reduction dim with the 'dim' argument.\nThe shape is {list(input.shape)}: there is nothing to choose."
            )
        return self.ufunc.reduce(input, axis=self.axes, keepdims=keepdim)

    def grad_input(self, g, input, result):
        shape = tuple(input.shape)
        mask = input == spread(result, self.axes, shape, self.keepdim)
        count = mask.sum(axis=self.axes, keepdims=True)
        return np.where(mask, spread(g, self.axes, shape, self.keepdim), 0) / count.astype(g.dtype)


class Amax(_Extreme):
    """The largest elements, over all dims or `dim`.

    >>> import tapeless as tl
    >>> tl.amax(tl.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=1)
    tensor([5., 3.])
    """

    names = word = "amax"
    ufunc = np.maximum


class Amin(_Extreme):
    """The smallest elements, over all dims or `dim`.

    >>> import tapeless as tl
    >>> tl.amin(tl.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=1)
    tensor([1., 2.])
    """

    names = word = "amin"
    ufunc = np.minimum


class _MaxOverall(Amax):
    """`max` of all elements."""

    names, word = "", "max"

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "MaxBackward1"


class _MinOverall(Amin):
    """`min` of all elements."""

    names, word = "", "min"

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "MinBackward1"


class _ExtremeAlong(Function):
    """The extremes along one dim and where they are; the gradient goes to the place that was chosen."""

    pick: Any
    word: str

    def forward(self, input: Any, dim: int, keepdim: bool = False) -> Any:
        self.dim, self.keepdim, self.shape_in = normal_dim(dim, input.ndim), keepdim, input.shape
        if input.ndim == 0:
            self.index = np.zeros((), int64)
            return input.copy(), self.index
        check_not_empty(self.word, input.shape, self.dim)
        index = np.expand_dims(self.pick(input, self.dim), self.dim)
        values = np.take_along_axis(input, index, self.dim)
        self.index = index
        return (values, index) if keepdim else (values.squeeze(self.dim), index.squeeze(self.dim))

    def grad_input(self, g):
        g = g[0]
        if self.shape_in == ():
            return g
        if not self.keepdim:
            g = np.expand_dims(g, self.dim)
        return scatter_add(g, self.index, self.dim, self.shape_in)


class MaxAlong(_ExtremeAlong):
    """`max` with a `dim`."""

    pick = staticmethod(np.argmax)
    word = "max"

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "MaxBackward0"


class MinAlong(_ExtremeAlong):
    """`min` with a `dim`."""

    pick = staticmethod(np.argmin)
    word = "min"

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "MinBackward0"


def _extreme(input: Any, dim: Any, keepdim: bool, along: Any, overall: Any, elementwise: str) -> Any:
    if dim is None:
        return overall.apply(input)
    if hasattr(dim, "dtype"):  # max(a, b) of two tensors
        if not hasattr(input, "dtype"):
            raise TypeError(
                f"{elementwise[:3]}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
            )
        return getattr(input, elementwise)(dim)
    return ValuesIndices(*along.apply(input, dim, keepdim))


@composite("max", numpy=np.max)
def max_(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """Return the largest element; with `dim`, a pair (values, indices); of two tensors, the elementwise maximum.

    >>> import tapeless as tl
    >>> tl.tensor([[1.0, 5.0], [7.0, 2.0]]).max(dim=1).indices
    tensor([1, 0])
    """
    if axis is not None or keepdims is not None:
        return Amax.apply(input, axis, bool(keepdims))
    return _extreme(input, dim, keepdim, MaxAlong, _MaxOverall, "maximum")


@composite("min", numpy=np.min)
def min_(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """Return the smallest element; with `dim`, a pair (values, indices); of two tensors, the elementwise minimum.

    >>> import tapeless as tl
    >>> tl.min(tl.tensor([3.0, 1.0]))
    tensor(1.)
    >>> values, indices = tl.min(tl.tensor([[3.0, 1.0], [2.0, 5.0]]), dim=1)
    >>> values, indices
    (tensor([1., 2.]), tensor([1, 0]))
    """
    if axis is not None or keepdims is not None:
        return Amin.apply(input, axis, bool(keepdims))
    return _extreme(input, dim, keepdim, MinAlong, _MinOverall, "minimum")


class _Where(Function):
    """The place of the extreme along `dim`, or in the flattened tensor."""

    pick: Any

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is not None:
            dim = normal_dim(dim, input.ndim)
        if input.shape == ():
            return np.zeros_like(input, int64)
        if dim is not None:
            check_not_empty(self.names, input.shape, dim)
        elif math.prod(input.shape) == 0:
            raise IndexError(f"{self.names}(): Expected reduction dim to be specified for input.numel() == 0.")
        return as_array(self.pick(input, axis=dim, keepdims=keepdim))


class Argmax(_Where):
    """The index of the largest element, the first of equals; int64.

    >>> import tapeless as tl
    >>> tl.argmax(tl.tensor([[1.0, 5.0], [3.0, 2.0]]))
    tensor(1)
    >>> tl.argmax(tl.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=1)
    tensor([1, 0])
    """

    names = "argmax"
    numpy = np.argmax
    pick = staticmethod(np.argmax)


class Argmin(_Where):
    """The index of the smallest element, the first of equals; int64.

    >>> import tapeless as tl
    >>> tl.argmin(tl.tensor([[1.0, 5.0], [3.0, 0.5]]))
    tensor(3)
    >>> tl.argmin(tl.tensor([[1.0, 5.0], [3.0, 0.5]]), dim=1)
    tensor([0, 1])
    """

    names = "argmin"
    numpy = np.argmin
    pick = staticmethod(np.argmin)


def _truth(answer: Any, input: Any) -> Any:
    """Return an answer as a bool; of uint8, the masks of old, PyTorch makes uint8."""
    return answer.astype(uint8) if input.dtype is uint8 else answer


class All(Function):
    """Whether all elements are nonzero, overall or along `dim`.

    >>> import tapeless as tl
    >>> tl.all(tl.tensor([True, False]))
    tensor(False)
    >>> tl.all(tl.tensor([[1, 0], [1, 1]]), dim=1)
    tensor([False,  True])
    """

    names = "all"
    numpy = np.all

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        axes = () if dim == () else normal_dims(dim, input.ndim)  # PyTorch: no dims, no reduction
        return _truth(np.all(input, axis=axes, keepdims=keepdim), input)


class Any_(Function):
    """Whether any element is nonzero, overall or along `dim`.

    >>> import tapeless as tl
    >>> tl.any(tl.tensor([True, False]))
    tensor(True)
    >>> tl.any(tl.tensor([[0, 0], [1, 0]]), dim=1)
    tensor([False,  True])
    """

    names = "any"
    numpy = np.any

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        axes = () if dim == () else normal_dims(dim, input.ndim)
        return _truth(np.any(input, axis=axes, keepdims=keepdim), input)


class CountNonzero(Function):
    """The number of nonzero elements, overall or along `dim`.

    >>> import tapeless as tl
    >>> tl.count_nonzero(tl.tensor([0, 1, 2]))
    tensor(2)
    """

    names = "count_nonzero"
    numpy = np.count_nonzero

    def forward(self, input: Any, dim: Any = None) -> Any:
        return as_array(np.count_nonzero(input, axis=normal_dims(dim, input.ndim)), int64)


class Logsumexp(Function):
    """``log(sum(exp(input)))`` over `dim`, without overflow.

    >>> import tapeless as tl
    >>> tl.logsumexp(tl.tensor([[1000.0, 1000.0]]), dim=1)
    tensor([1000.6932])
    """

    names = "logsumexp special.logsumexp"

    def forward(self, input: Any, dim: Any, keepdim: bool = False) -> Any:
        if input.dtype.kind in "iub":
            input = input.astype(get_default_dtype())
        self.axes, self.keepdim = normal_dims(dim, input.ndim), keepdim
        if input.ndim == 0:
            # the imaginary part as exp and log leave it: between -pi and pi
            return input.real + 1j * np.angle(np.exp(1j * input.imag)) if input.dtype.kind == "c" else input.copy()
        top = np.max(input.real, axis=self.axes, keepdims=True, initial=-math.inf)
        top = np.where(np.isfinite(top), top, 0)
        out = np.log(np.add.reduce(np.exp(input - top), axis=self.axes, keepdims=True)) + top
        return out if keepdim else out.squeeze(self.axes)

    def grad_input(self, g, input, result):
        shape = tuple(input.shape)
        return spread(g, self.axes, shape, self.keepdim) * np.exp(
            input - spread(result, self.axes, shape, self.keepdim)
        )


class Median(_Extreme):
    """The lower median of all elements; equal ones share the gradient. Public as `median`."""

    def forward(self, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        self.axes, self.keepdim = tuple(range(input.ndim)), False
        middle = (input.size - 1) // 2
        if input.size == 0 or np.isnan(input).any():
            return np.full((), math.nan, input.dtype)
        return np.partition(input, middle, axis=None)[middle]


@composite("median")
def median(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the lower median, NaN if there is one; with `dim`, a pair (values, indices).

    >>> import tapeless as tl
    >>> tl.median(tl.tensor([3.0, 1.0, 2.0, 4.0]))
    tensor(2.)
    """
    if dim is None:
        return Median.apply(input)
    dim, array = normal_dim(dim, input.ndim), unwrap(input)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    order = np.argsort(array, axis=dim, kind="stable")
    middle = np.take(order, [(input.shape[dim] - 1) // 2], axis=dim)
    last = np.isnan(array)
    middle = np.where(last.any(axis=dim, keepdims=True), last.argmax(axis=dim, keepdims=True), middle)
    values, index = input.take_along_dim(wrap(middle), dim), wrap(middle)
    return ValuesIndices(values, index) if keepdim else ValuesIndices(values.squeeze(dim), index.squeeze(dim))


def _pair(cls: Any, input: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Any:
    """Return (deviation or variance, mean), with the flexible arguments of `var`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    spread_ = cls.apply(input, dim, unbiased, keepdim, correction=correction)
    return spread_, Mean.apply(input, dim, keepdim)


@composite("var_mean", methods="")
def var_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """Return (variance, mean) over all or `dim`; arguments as `var`.

    >>> import tapeless as tl
    >>> tl.var_mean(tl.tensor([1.0, 3.0]))
    (tensor(2.), tensor(2.))
    """
    return _pair(Var, input, dim, unbiased, keepdim, correction)


@composite("std_mean", methods="")
def std_mean(
    input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """Return (standard deviation, mean) over all or `dim`; arguments as `std`.

    >>> import tapeless as tl
    >>> tl.std_mean(tl.tensor([1.0, 1.0]))
    (tensor(0.), tensor(1.))
    """
    return _pair(Std, input, dim, unbiased, keepdim, correction)
